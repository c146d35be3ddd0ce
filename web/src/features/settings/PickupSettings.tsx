import { Alert, Button, Group, NumberInput, PasswordInput, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem, sentence } from '../../api/errors';
import type { FetchedSource, PickupSettings as Settings, Source } from '../../api/types';
import { ago, bytes, count, exact } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { CopyLine } from '../../ui/SecretOnce';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** PickupSettings says where files of a source are fetched from, tests it, has the other side confirmed, and shows how it goes. */
export function PickupSettings({ customer, source }: { customer: string; source: Source }) {
  const path = { customer, source: source.id };
  const key = here(customer, 'sources', source.id, 'pickup');
  const query = useQuery({ queryKey: key, refetchInterval: 5_000, queryFn: () => must(api.GET('/api/v1/customers/{customer}/sources/{source}/pickup', { params: { path } })) });
  return <Answered query={query}>{(it) => <Form it={it} path={path} queryKey={key} source={source} />}</Answered>;
}

type PartProps = { it: FetchedSource; path: { customer: string; source: string }; queryKey: readonly unknown[]; source: Source };

function Form({ it, path, queryKey, source }: PartProps) {
  const client = useQueryClient();
  const [typed, setTyped] = useState<Partial<Settings>>({});
  const form: Settings = { ...it.settings, ...typed };
  const set = (change: Partial<Settings>) => setTyped((t) => ({ ...t, ...change }));
  const again = () => client.invalidateQueries({ queryKey });
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/sources/{source}/pickup', { params: { path }, body: form })),
    onSuccess: () => {
      toast('It is set where files are fetched from.');
      setTyped({});
      return again();
    },
  });
  const test = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/pickup/test', { params: { path } })), onSettled: again });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const text = (name: 'host' | 'user' | 'folder' | 'dated' | 'move_to', label: string, description: string, more?: object) => (
    <TextInput label={label} description={description} value={form[name] ?? ''} error={p?.about(name)} onChange={(e) => set({ [name]: e.currentTarget.value })} {...more} />
  );
  return (
    <form onSubmit={submit} aria-label={`Where files of ${source.name} are fetched from`}>
      <Stack>
        <State it={it} path={path} queryKey={queryKey} />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select label="Protocol" description="Plain FTP is not spoken" allowDeselect={false} value={form.protocol} onChange={(v) => set({ protocol: v as 'sftp' })} error={p?.about('protocol')}
            data={[{ value: 'sftp', label: 'SFTP' }, { value: 'ftps', label: 'FTP over TLS (explicit, port 21)' }, { value: 'ftps-implicit', label: 'FTP over TLS (implicit, port 990)' }]} />
          {text('host', 'Host', 'With :port where it is not the usual one', { required: true, classNames: { input: 'mono' } })}
          {text('user', 'User', 'To sign in as', { required: true, autoComplete: 'off' })}
          <PasswordInput label="Password" description={it.password_set ? 'One is set; empty keeps it' : 'Empty: SFTP signs in by a key that is made here'} value={form.password ?? ''} error={p?.about('password')} autoComplete="new-password" onChange={(e) => set({ password: e.currentTarget.value })} />
          {text('folder', 'Folder', 'Over there, with all below it', { classNames: { input: 'mono' } })}
          <TextInput label="File names" description="Patterns, with spaces between: *.wav *.csv. Empty: all" value={(form.patterns ?? []).join(' ')} error={p?.about('patterns')} onChange={(e) => set({ patterns: e.currentTarget.value.split(/\s+/).filter(Boolean) })} />
          {text('dated', 'Folders by date', 'As of 2 January 2006, such as 2006/01/02. Empty: all folders', { classNames: { input: 'mono' } })}
          <NumberInput label="Minutes between looks" description="1 to 1440" min={1} max={1440} value={form.minutes} onChange={(v) => set({ minutes: Number(v) })} error={p?.about('minutes')} />
          <NumberInput label="At most KiB a second" description="0: no limit" min={0} value={form.kbps} onChange={(v) => set({ kbps: Number(v) })} error={p?.about('kbps')} />
          {source.after === 'move' && text('move_to', 'Move to', 'Folder over there. Empty: .ringfence-done', { classNames: { input: 'mono' } })}
        </SimpleGrid>
        {it.public_key && <Stack gap={6}><Text size="sm">Let this key in over there, for example in the user’s authorized_keys:</Text><CopyLine text={it.public_key} label="Public key" /></Stack>}
        {save.error != null && !p?.faults.length && <Failed error={save.error} />}
        {test.error != null && <Failed error={test.error} />}
        {test.data && (
          <Alert color="pine" variant="light" title="The connection works" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
            {test.data.files.length === 0 ? <Text size="sm">Nothing there is wanted by these settings.</Text> : test.data.files.slice(0, 10).map((f) => <Text key={f.name} size="sm" style={{ overflowWrap: 'anywhere' }}>{f.name}, {bytes(f.bytes)}</Text>)}
            {(test.data.more || test.data.files.length > 10) && <Text size="sm">and more. Nothing was taken.</Text>}
          </Alert>
        )}
        <Group justify="flex-end">
          {it.configured && <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>Test the connection</Button>}
          <Button type="submit" loading={save.isPending}>Save</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** State is how the last look went; a side that is not confirmed is shown for comparison. */
function State({ it, path, queryKey }: Omit<PartProps, 'source'>) {
  const client = useQueryClient();
  const confirm = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/pickup/confirm', { params: { path }, body: { fingerprint: it.shown } })),
    onSuccess: () => client.invalidateQueries({ queryKey }),
  });
  if (!it.configured) return null;
  return (
    <Stack gap="xs">
      {it.shown && (
        <Alert color={it.pin ? 'red' : 'yellow'} variant="light" icon={<Icon name="warn" />} title={it.pin ? 'The other side shows another key than before' : 'Is this the right server?'} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          <Stack gap="xs">
            <Text size="sm">Compare this fingerprint with what its administrator tells you. Nothing is fetched before it is confirmed.</Text>
            <Text className="mono" size="sm" style={{ overflowWrap: 'anywhere' }}>{it.shown}</Text>
            {confirm.error != null && <Failed error={confirm.error} />}
            <Group><Button size="xs" variant="default" loading={confirm.isPending} onClick={() => confirm.mutate()}>It is the same: confirm</Button></Group>
          </Stack>
        </Alert>
      )}
      <Text size="sm">
        {it.running ? 'Looking now' : it.looked_at ? <span title={exact(it.looked_at)}>Looked {ago(it.looked_at)}</span> : 'Not looked yet'}
        {' · '}{count(it.fetched, 'file')} fetched, {bytes(it.bytes)}{it.waiting > 0 && ` · ${count(it.waiting, 'file')} to come`}
      </Text>
      {it.fault && !it.shown && <Text size="sm" className="negative">{sentence(it.fault)}</Text>}
    </Stack>
  );
}
