import { Alert, Button, Group, MultiSelect, Stack, Switch } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { Problem, sentence } from '../../api/errors';
import { useMay } from '../../api/me';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { members } from '../settings/queries';
import { policy, type Policy } from './queries';

/** OnlyCard closes all other ways in, and keeps one open for when the provider fails. */
export function OnlyCard({ customer }: { customer: string }) {
  const may = useMay(customer);
  const query = useQuery({ ...policy(customer), enabled: may('signin.set') });
  if (!may('signin.set')) return null;
  return (
    <Card title="Only through the provider" about="Passwords then open nothing here. Administrators named below still come in with a passkey or an authenticator app when the provider fails; the last of them cannot be removed.">
      <Answered query={query} rows={2}>{(now) => <Form key={JSON.stringify(now)} customer={customer} now={now} />}</Answered>
    </Card>
  );
}

function Form({ customer, now }: { customer: string; now: Policy }) {
  const client = useQueryClient();
  const people = useQuery(members(customer));
  const [on, setOn] = useState(now.sso_only);
  const [recovery, setRecovery] = useState<string[]>(now.recovery ?? []);
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/sign-in-policy', { params: { path: { customer } }, body: { ...now, sso_only: on, recovery } })),
    onSuccess: (data) => {
      toast(data.sso_only ? 'From now on people come in through the provider only.' : 'Saved.');
      client.setQueryData(policy(customer).queryKey, data);
      return client.invalidateQueries({ queryKey: here(customer, 'sign-in-policy') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const administrators = (people.data?.items ?? []).filter((m) => m.roles.includes('customer_admin')).map((m) => ({ value: m.person_id, label: m.name }));
  return (
    <Stack maw={560}>
      <MultiSelect label="Way back" description="Administrators with a passkey or an authenticator app of their own" data={administrators} value={recovery} onChange={setRecovery} error={p?.about('recovery')} placeholder={recovery.length ? undefined : 'Nobody'} clearable={false} />
      <Switch label="Only through the provider" checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />
      {p?.about('sso_only') && (
        <Alert variant="light" color="yellow" icon={<Icon name="warn" />} role="alert" styles={{ message: { color: 'var(--mantine-color-text)' } }}>{sentence(p.about('sso_only')!)}</Alert>
      )}
      {p?.about('factor') && (
        <Alert variant="light" color="yellow" icon={<Icon name="warn" />} role="alert" styles={{ message: { color: 'var(--mantine-color-text)' } }}>{sentence(p.about('factor')!)}</Alert>
      )}
      {save.error != null && !p?.faults.length && <Failed error={save.error} />}
      <Group><Button loading={save.isPending} onClick={() => save.mutate()}>Save</Button></Group>
    </Stack>
  );
}
