import { Alert, Button, Group, List, PasswordInput, SegmentedControl, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { moment } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import type { KeyServer, KeyServerTrial } from './queries';

const ways = [{ value: 'approle', label: 'AppRole' }, { value: 'jwt', label: 'JWT' }, { value: 'token', label: 'Token' }];
const secrets = { approle: 'Secret id', jwt: 'JWT', token: 'Token' } as const;

type Props = { customer: string; server?: KeyServer; may: boolean; onSaved: () => Promise<unknown> };

/** Server is how the key server is reached, and a button that tries it. */
export function Server({ customer, server, may, onSaved }: Props) {
  const [form, setForm] = useState({
    url: server?.url ?? '', namespace: server?.namespace ?? '', mount: server?.mount ?? 'transit', key: server?.key ?? '', ca: server?.ca ?? '',
    auth: server?.auth ?? ('approle' as KeyServer['auth']), auth_mount: server?.auth_mount ?? '', role: server?.role ?? '', secret: '', region: server?.region ?? '',
  });
  const at = { params: { path: { customer } } };
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/keys/server', { ...at, body: form })),
    onSuccess: () => {
      toast('The key server is set. Nothing has changed hands yet: try it.');
      return onSaved();
    },
  });
  const trial = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/keys/server/test', at)) });
  const p = save.error instanceof Problem ? save.error : null;
  const set = (name: keyof typeof form) => (e: { currentTarget: { value: string } }) => {
    const { value } = e.currentTarget;
    setForm((f) => ({ ...f, [name]: value }));
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} aria-label="Key server">
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label="Address of the key server" type="url" required disabled={!may} value={form.url} error={p?.about('url')} placeholder="https://vault.example.com:8200" onChange={set('url')} />
          <TextInput label="Name of the key" required disabled={!may} value={form.key} error={p?.about('key')} placeholder="ringfence" onChange={set('key')} />
          <TextInput label="Transit engine at" disabled={!may} value={form.mount} error={p?.about('mount')} onChange={set('mount')} />
          <TextInput label="Namespace" description="Empty: the root namespace" inputWrapperOrder={['label', 'input', 'description', 'error']} disabled={!may} value={form.namespace} error={p?.about('namespace')} onChange={set('namespace')} />
          <TextInput label="Region" required disabled={!may} value={form.region} error={p?.about('region')} description="Where the server stands; recorded with each question" inputWrapperOrder={['label', 'input', 'description', 'error']} onChange={set('region')} />
        </SimpleGrid>
        <div>
          <Text size="sm" fw={500} mb={4} id="signs-in">We sign in there by</Text>
          <SegmentedControl aria-labelledby="signs-in" data={ways} value={form.auth} disabled={!may} onChange={(auth) => setForm((f) => ({ ...f, auth: auth as KeyServer['auth'], auth_mount: '' }))} />
        </div>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {form.auth !== 'token' && <TextInput label={form.auth === 'approle' ? 'Role id' : 'Role'} required disabled={!may} value={form.role} error={p?.about('role')} onChange={set('role')} />}
          <PasswordInput
            label={secrets[form.auth]} disabled={!may} value={form.secret} error={p?.about('secret')} autoComplete="off" required={!server}
            description={server ? 'Empty: the one that is kept' : 'Kept sealed and never shown'} inputWrapperOrder={['label', 'input', 'description', 'error']} onChange={set('secret')}
          />
        </SimpleGrid>
        <Textarea label="Certificate of its authority (PEM)" description="If you give one, no other is believed" autosize minRows={2} maxRows={6} disabled={!may} value={form.ca} error={p?.about('ca')} onChange={set('ca')} />
        {save.error != null && !p?.faults.length && <Failed error={save.error} />}
        {may && (
          <Group>
            <Button type="submit" variant="default" loading={save.isPending}>Save</Button>
            <Button variant="default" disabled={!server} loading={trial.isPending} onClick={() => trial.mutate()}>Try it</Button>
          </Group>
        )}
        {trial.error != null && <Failed error={trial.error} />}
        {trial.data && <Arrived of={trial.data} />}
      </Stack>
    </form>
  );
}

/** Arrived shows what came back. */
function Arrived({ of: t }: { of: KeyServerTrial }) {
  return (
    <Alert color={t.works ? 'teal' : 'red'} title={t.works ? 'It works' : 'It does not work yet'} role="status">
      <List size="sm">
        <List.Item>{t.signed_in ? 'Signed in' : 'Not signed in'}{t.token_until && `; that lasts until ${moment(t.token_until)} and is renewed`}</List.Item>
        <List.Item>{t.key_type ? `The key is ${t.key_type}, version ${t.key_version}` : 'We may not look at the key, which is as it should be'}</List.Item>
        {t.exportable && <List.Item>The key can be taken out of the server. Make one that cannot.</List.Item>}
        <List.Item>{t.encrypted ? 'It encrypted 32 bytes' : 'It did not encrypt'}</List.Item>
        <List.Item>{t.decrypted ? `It gave the same bytes back, in ${t.millis} ms altogether` : 'It did not give the same bytes back'}</List.Item>
      </List>
      {t.problem && <Text size="sm" mt="xs">{t.problem}</Text>}
    </Alert>
  );
}
