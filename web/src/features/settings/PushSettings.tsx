import { Badge, Button, Group, Stack, Table, Text, Textarea, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { PushedSource, Source } from '../../api/types';
import { ago, bytes, count, exact } from '../../ui/format';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** PushSettings says how others push files for a source: what to type into the telephone system, who may, and what has come. */
export function PushSettings({ customer, source }: { customer: string; source: Source }) {
  const path = { customer, source: source.id };
  const key = here(customer, 'sources', source.id, 'push');
  const query = useQuery({ queryKey: key, refetchInterval: 5_000, queryFn: () => must(api.GET('/api/v1/customers/{customer}/sources/{source}/push', { params: { path } })) });
  return (
    <Answered query={query}>
      {(it) => (
        <Stack gap="lg">
          <Address it={it} />
          <Keys it={it} path={path} queryKey={key} />
          <Secrets it={it} path={path} queryKey={key} />
          <Arrived it={it} />
        </Stack>
      )}
    </Answered>
  );
}

type Path = { customer: string; source: string };
type PartProps = { it: PushedSource; path: Path; queryKey: readonly unknown[] };

/** Address is what to type into the telephone system. */
function Address({ it }: { it: PushedSource }) {
  if (!it.address) return <Text size="sm">This installation takes no files by SFTP yet: its operator sets an address in the configuration, under “sftp”. HTTPS works.</Text>;
  return (
    <Stack gap={6}>
      <Text size="sm">Type this into the telephone system: protocol SFTP, and</Text>
      <CopyLine text={it.address} label="Host and port" />
      <CopyLine text={it.login} label="User name" />
      <Text size="sm">At its first connection it shows one of these fingerprints. Compare it.</Text>
      {it.fingerprints.map((f) => <Text key={f} className="mono" size="sm" style={{ overflowWrap: 'anywhere' }}>{f}</Text>)}
    </Stack>
  );
}

function Keys({ it, path, queryKey }: PartProps) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [key, setKey] = useState('');
  const again = () => client.invalidateQueries({ queryKey });
  const add = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/push/keys', { params: { path }, body: { name, key } })),
    onSuccess: () => {
      setName('');
      setKey('');
      return again();
    },
  });
  const remove = useMutation({
    mutationFn: (k: string) => must(api.DELETE('/api/v1/customers/{customer}/sources/{source}/push/keys/{key}', { params: { path: { ...path, key: k } } })),
    onSuccess: () => {
      toast('The key is removed. Its connections have ended.');
      return again();
    },
  });
  const p = add.error instanceof Problem ? add.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <Stack gap="xs">
      <Title order={3}>Keys</Title>
      {it.keys.length === 0 && <Text size="sm" c="dimmed">No key yet: nobody can push by SFTP{it.password_at ? ' but with the password' : ''}.</Text>}
      {it.keys.map((k) => (
        <Group key={k.id} justify="space-between" wrap="nowrap">
          <div style={{ minWidth: 0 }}>
            <Text size="sm">{k.name}</Text>
            <Text className="mono" size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{k.fingerprint}</Text>
          </div>
          <Button size="compact-sm" variant="default" onClick={() => remove.mutate(k.id)} aria-label={`Remove the key ${k.name}`}>Remove</Button>
        </Group>
      ))}
      {remove.error != null && <Failed error={remove.error} />}
      <form onSubmit={submit} aria-label="Add a key">
        <Stack gap="xs">
          <TextInput label="Name" description="Of the system that has the private key" required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} error={p?.about('name')} />
          <Textarea label="Public key" description="One line, as in authorized_keys" required classNames={{ input: 'mono' }} autosize minRows={2} value={key} onChange={(e) => setKey(e.currentTarget.value)} error={p?.about('key')} />
          {add.error != null && !p?.faults.length && <Failed error={add.error} />}
          <Group><Button type="submit" variant="default" loading={add.isPending}>Add the key</Button></Group>
        </Stack>
      </form>
    </Stack>
  );
}

/** Secrets are for systems without keys, and for HTTPS; each is shown once. */
function Secrets({ it, path, queryKey }: PartProps) {
  const client = useQueryClient();
  const [shown, setShown] = useState<{ title: string; text: string } | null>(null);
  const again = () => client.invalidateQueries({ queryKey });
  const password = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/push/password', { params: { path } })),
    onSuccess: (made) => {
      setShown({ title: 'The password, shown this once', text: made.secret });
      return again();
    },
  });
  const token = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/push/token', { params: { path } })),
    onSuccess: (made) => {
      setShown({ title: 'The token, shown this once', text: made.secret });
      return again();
    },
  });
  const endPassword = useMutation({ mutationFn: () => must(api.DELETE('/api/v1/customers/{customer}/sources/{source}/push/password', { params: { path } })), onSuccess: again });
  const endToken = useMutation({ mutationFn: () => must(api.DELETE('/api/v1/customers/{customer}/sources/{source}/push/token', { params: { path } })), onSuccess: again });
  const error = password.error ?? token.error ?? endPassword.error ?? endToken.error;
  return (
    <Stack gap="xs">
      <Title order={3}>Password and HTTPS</Title>
      {shown && <SecretOnce title={shown.title} onDone={() => setShown(null)}><CopyLine text={shown.text} label="Secret" /></SecretOnce>}
      <Group justify="space-between">
        <Text size="sm">{it.password_at ? <span title={exact(it.password_at)}>A password was made {ago(it.password_at)}</span> : 'No password. Make one only where the system cannot do keys.'}</Text>
        <Group gap={6}>
          <Button size="compact-sm" variant="default" loading={password.isPending} onClick={() => password.mutate()}>{it.password_at ? 'Make another password' : 'Make a password'}</Button>
          {it.password_at && <Button size="compact-sm" variant="default" onClick={() => endPassword.mutate()}>End the password</Button>}
        </Group>
      </Group>
      <Group justify="space-between">
        <Text size="sm">{it.token_at ? <span title={exact(it.token_at)}>A token for HTTPS was made {ago(it.token_at)}</span> : 'No token for HTTPS.'}</Text>
        <Group gap={6}>
          <Button size="compact-sm" variant="default" loading={token.isPending} onClick={() => token.mutate()}>{it.token_at ? 'Make another token' : 'Make a token'}</Button>
          {it.token_at && <Button size="compact-sm" variant="default" onClick={() => endToken.mutate()}>End the token</Button>}
        </Group>
      </Group>
      {it.token_at && <CopyLine text={`curl -T call.wav -H "Authorization: Bearer $TOKEN" "${it.push_address}call.wav"`} label="Command" />}
      {error != null && <Failed error={error} />}
    </Stack>
  );
}

/** Arrived is what waits, and who is connected. */
function Arrived({ it }: { it: PushedSource }) {
  return (
    <Stack gap="xs">
      <Title order={3}>What waits</Title>
      <Text size="sm" c="dimmed">{it.waiting === 0 ? 'Nothing waits: what came was taken.' : `${count(it.waiting, 'file')}, ${bytes(it.waiting_bytes)}. They leave when their recordings were read back.`}</Text>
      {it.files.length > 0 && (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>File</Table.Th><Table.Th>Size</Table.Th><Table.Th>Written</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {it.files.map((f) => (
                <Table.Tr key={f.name}>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}>{f.name} {!f.whole && <Badge variant="outline" title="Its upload was cut; it may go on for a day">cut</Badge>}</Table.Td>
                  <Table.Td>{bytes(f.bytes)}</Table.Td>
                  <Table.Td title={exact(f.at)}>{ago(f.at)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {it.sessions.map((s, i) => (
        <Text key={i} size="sm">Connected from {s.from} since {ago(s.since_at)}: {count(s.files, 'file')}, {bytes(s.bytes)}</Text>
      ))}
    </Stack>
  );
}
