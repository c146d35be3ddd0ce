import { Alert, Badge, Button, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { create, left, possible } from '../../api/passkey';
import { ago, exact, moment } from '../../ui/format';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import type { Factors as Held } from '../../api/types';
import { factors, useChanged } from './queries';

/** Factors is what the person shows beside, or instead of, a password. */
export function Factors() {
  const query = useQuery(factors);
  const [codes, setCodes] = useState<string[]>([]);
  return (
    <Card title="Second factors" about="A passkey is the safest and quickest: it works on this site only, so a false page gets nothing. Changing any of these signs out your other browsers.">
      <Answered query={query} rows={3}>
        {(held) => (
          <Stack gap="lg">
            {codes.length > 0 && <Codes codes={codes} onDone={() => setCodes([])} />}
            {!held.totp && held.passkeys.length === 0 && (
              <Alert variant="light" color="yellow" icon={<Icon name="shield" />} title="A mailed code is all that protects you" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
                Whoever reads your mail can sign in as you. Set up a passkey or an authenticator app.
              </Alert>
            )}
            <Passkeys held={held} onCodes={setCodes} />
            <App held={held} onCodes={setCodes} />
            {(held.totp || held.passkeys.length > 0) && <Recovery held={held} onCodes={setCodes} />}
          </Stack>
        )}
      </Answered>
    </Card>
  );
}

function Codes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <SecretOnce title="Your recovery codes" onDone={onDone}>
      <Text size="sm">Print them or write them down. Each signs you in once when the app or the passkey is lost. They are not shown again.</Text>
      <CopyLine label="Recovery codes" text={codes.join('\n')} />
    </SecretOnce>
  );
}

type Part = { held: Held; onCodes: (codes: string[]) => void };

const Heading = ({ text, children }: { text: string; children?: React.ReactNode }) => (
  <Group justify="space-between" mb={6} gap="xs">
    <Text fw={600} component="h3" size="sm" m={0}>{text}</Text>
    {children}
  </Group>
);

function Passkeys({ held, onCodes }: Part) {
  const changed = useChanged();
  const [adding, setAdding] = useState(false);
  const [gone, setGone] = useState<{ id: string; name: string } | null>(null);
  const can = possible() && held.passkeys_possible;
  const remove = async () => {
    await must(api.DELETE('/api/v1/me/passkeys/{passkey}', { params: { path: { passkey: gone!.id } } }));
    toast('The passkey no longer counts. Remove it from your key ring too.');
    await changed();
  };
  return (
    <div>
      <Heading text="Passkeys">
        {can && <Button size="xs" variant="default" leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>Add a passkey</Button>}
      </Heading>
      {!can && <Text size="sm" c="dimmed">{held.passkeys_possible ? 'This browser does not know passkeys.' : 'Passkeys need a server with a name of its own and https, or localhost; this one is reached by a number.'}</Text>}
      {can && held.passkeys.length === 0 && <Text size="sm" c="dimmed">None yet.</Text>}
      {held.passkeys.length > 0 && (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Name</Table.Th>
                <Table.Th>Added</Table.Th>
                <Table.Th>Last used</Table.Th>
                <Table.Th><span className="sr">Remove</span></Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {held.passkeys.map((k) => (
                <Table.Tr key={k.id}>
                  <Table.Td>
                    <Group gap="xs"><Text size="sm">{k.name}</Text>{k.synced && <Badge>Key ring</Badge>}</Group>
                  </Table.Td>
                  <Table.Td>{moment(k.created_at)}</Table.Td>
                  <Table.Td title={k.last_used_at ? exact(k.last_used_at) : undefined}>{k.last_used_at ? ago(k.last_used_at) : 'never'}</Table.Td>
                  <Table.Td ta="right">
                    <Button size="compact-sm" variant="default" onClick={() => setGone(k)} aria-label={`Remove ${k.name}`}>Remove</Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {adding && <AddPasskey onClose={() => setAdding(false)} onCodes={onCodes} />}
      <Confirm title={`Remove ${gone?.name}?`} act="Remove" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        You cannot sign in with it any more, and your other browsers are signed out.
      </Confirm>
    </div>
  );
}

function AddPasskey({ onClose, onCodes }: { onClose: () => void; onCodes: (codes: string[]) => void }) {
  const changed = useChanged();
  const [name, setName] = useState('');
  const add = useMutation({
    mutationFn: async () => {
      const options = await must(api.POST('/api/v1/me/passkeys/options'));
      return must(api.POST('/api/v1/me/passkeys', { body: { name: name.trim(), credential: await create(options.publicKey) } }));
    },
    onSuccess: (made) => {
      toast('The passkey is added.');
      onCodes(made.recovery_codes);
      onClose();
      return changed();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  const p = add.error instanceof Problem ? add.error : null;
  return (
    <Modal opened onClose={onClose} title="Add a passkey" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" description="So that you know it again, for example “Work laptop”" required data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} maxLength={100} error={p?.about('name')} />
          {add.error != null && !left(add.error) && !p?.about('name') && <Failed error={add.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={add.isPending}>Go on in the browser</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function App({ held, onCodes }: Part) {
  const changed = useChanged();
  const [asked, setAsked] = useState(false);
  const begin = useMutation({ mutationFn: () => must(api.POST('/api/v1/me/totp')) });
  const remove = async () => {
    await must(api.DELETE('/api/v1/me/totp'));
    toast('The app no longer counts.');
    await changed();
  };
  return (
    <div>
      <Heading text="Authenticator app">
        <Group gap={6}>
          <Button size="xs" variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>{held.totp ? 'Set up another' : 'Set up'}</Button>
          {held.totp && <Button size="xs" variant="default" onClick={() => setAsked(true)}>Remove the app</Button>}
        </Group>
      </Heading>
      <Text size="sm" c="dimmed">{held.totp ? 'Set up. Its code is asked for after the password.' : 'Not set up. Any app that shows six digits every half minute will do.'}</Text>
      {begin.error != null && <Failed error={begin.error} />}
      {begin.data && <Enrol enrolment={begin.data} onClose={() => begin.reset()} onCodes={onCodes} />}
      <Confirm title="Remove the app?" act="Remove" opened={asked} onClose={() => setAsked(false)} onConfirm={remove}>
        Its codes are not accepted any more, and your other browsers are signed out.
      </Confirm>
    </div>
  );
}

function Enrol({ enrolment, onClose, onCodes }: { enrolment: { key: string; url: string; qr_size: number; qr_path: string }; onClose: () => void; onCodes: (codes: string[]) => void }) {
  const changed = useChanged();
  const [code, setCode] = useState('');
  const confirm = useMutation({
    mutationFn: () => must(api.POST('/api/v1/me/totp/confirm', { body: { code } })),
    onSuccess: (made) => {
      toast('The app is set up.');
      onCodes(made.recovery_codes);
      onClose();
      return changed();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    confirm.mutate();
  };
  const p = confirm.error instanceof Problem ? confirm.error : null;
  return (
    <Modal opened onClose={onClose} title="Set up an authenticator app" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">Scan this with the app, or type the key. Then type the code that it shows.</Text>
          <Group justify="center">
            <svg width={220} height={220} viewBox={`0 0 ${enrolment.qr_size} ${enrolment.qr_size}`} role="img" aria-label="QR code of the key" shapeRendering="crispEdges">
              <rect width="100%" height="100%" fill="#fff" />
              <path d={enrolment.qr_path} fill="#000" />
            </svg>
          </Group>
          <CopyLine label="Key" text={enrolment.key} />
          <TextInput label="Code of the app" inputMode="numeric" autoComplete="one-time-code" required value={code} onChange={(e) => setCode(e.currentTarget.value)} maxLength={16} error={p?.about('code')} />
          {confirm.error != null && !p?.about('code') && <Failed error={confirm.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={confirm.isPending}>Confirm</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Recovery({ held, onCodes }: Part) {
  const changed = useChanged();
  const [asked, setAsked] = useState(false);
  const make = async () => {
    const made = await must(api.POST('/api/v1/me/recovery-codes'));
    onCodes(made.recovery_codes);
    await changed();
  };
  return (
    <div>
      <Heading text="Recovery codes">
        <Button size="xs" variant="default" onClick={() => setAsked(true)}>Make new ones</Button>
      </Heading>
      <Text size="sm" c={held.recovery_left < 3 ? 'red' : 'dimmed'}>{held.recovery_left} of 10 are left.</Text>
      <Confirm title="Make new recovery codes?" act="Make new codes" opened={asked} onClose={() => setAsked(false)} onConfirm={make}>
        The old ones stop working at once.
      </Confirm>
    </div>
  );
}
