import { Alert, Button, Group, PasswordInput, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { PhoneSystemSettings, Source } from '../../api/types';
import { ago, count, moment } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Unverified } from './Profiles';

/** SystemSettings says which telephone system's API a source asks, tests it, and shows how it goes. */
export function SystemSettings({ customer, source }: { customer: string; source: Source }) {
  const client = useQueryClient();
  const path = { customer, source: source.id };
  const key = here(customer, 'sources', source.id, 'system');
  const query = useQuery({ queryKey: key, queryFn: () => must(api.GET('/api/v1/customers/{customer}/sources/{source}/system', { params: { path } })) });
  const [typed, setTyped] = useState<Partial<PhoneSystemSettings>>({});
  const now = query.data;
  const form: PhoneSystemSettings = {
    system: (now?.system || (source.profile === 'yeastar' ? 'yeastar' : '3cx')) as '3cx', address: now?.address ?? '', client_id: now?.client_id ?? '', ...typed,
  };
  const set = (change: Partial<PhoneSystemSettings>) => setTyped((t) => ({ ...t, ...change }));
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/sources/{source}/system', { params: { path }, body: form })),
    onSuccess: () => {
      toast('The telephone system is asked from now on.');
      setTyped({});
      return client.invalidateQueries({ queryKey: key });
    },
  });
  const test = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/sources/{source}/system/test', { params: { path }, body: form })) });
  const error = save.error ?? test.error;
  const p = error instanceof Problem ? error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} aria-label={`The API of ${source.name}`}>
      <Stack gap="sm" mt="md">
        <Group gap={6} wrap="nowrap" align="flex-start"><Unverified /><Text size="xs">{now?.verified_text}</Text></Group>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select label="System" allowDeselect={false} value={form.system} onChange={(v) => set({ system: v as '3cx' })} data={[{ value: '3cx', label: '3CX, version 20, with the XAPI' }, { value: 'yeastar', label: 'Yeastar P-series' }]} error={p?.about('system')} />
          <TextInput label="Address" description="Of its web page, with the port" placeholder="https://pbx.example.com:5001" classNames={{ input: 'mono' }} required value={form.address} onChange={(e) => set({ address: e.currentTarget.value })} error={p?.about('address')} />
          <TextInput label="Client id" description="As it shows where its API is switched on" required value={form.client_id} onChange={(e) => set({ client_id: e.currentTarget.value })} error={p?.about('client_id')} />
          <PasswordInput label="Secret" description={now?.set ? 'Empty: the stored one stays' : 'It is shown once, there'} autoComplete="off" value={form.secret ?? ''} onChange={(e) => set({ secret: e.currentTarget.value })} error={p?.about('secret')} />
        </SimpleGrid>
        {test.data && (
          <Alert color={test.data.answers ? 'teal' : 'red'} variant="light" title={test.data.answers ? 'It answers' : 'It does not work yet'} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
            {test.data.answers && `${test.data.recordings}${test.data.more ? ' or more' : ''} recordings of the last day; the latest ${test.data.latest_at ? moment(test.data.latest_at) : 'is older'}. Nothing was fetched. `}
            {test.data.text}
          </Alert>
        )}
        {error != null && !p?.faults.length && <Failed error={error} />}
        <Group justify="space-between">
          <Text size="sm" c="dimmed">{now?.set ? `Last answered ${ago(now.asked_at)} · ${count(now.fetched, 'recording')} fetched · ${now.waiting} waiting` : 'Not set yet'}</Text>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" loading={test.isPending} onClick={() => test.mutate()}>Test</Button>
            <Button size="compact-sm" type="submit" loading={save.isPending}>Save</Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}
