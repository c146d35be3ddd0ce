import { Alert, Button, Group, MultiSelect, NumberInput, Radio, Stack, Switch, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { roleName } from '../../api/roles';
import type { SignInPolicy } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { members, signInPolicy } from './queries';

const roles = ['customer_admin', 'superuser', 'supervisor', 'agent', 'auditor', 'user'];

/** SignInPolicyPage is how people must have signed in to enter this customer. */
export function SignInPolicyPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(signInPolicy(customer));
  return (
    <Page title="Sign-in" about="What people must show to come in here. It works from their next request on; who does not meet it is asked for more, and told what.">
      <Answered query={query} rows={4}>
        {(data) => <Choice key={JSON.stringify(data)} customer={customer} now={data} />}
      </Answered>
    </Page>
  );
}

function Choice({ customer, now }: { customer: string; now: SignInPolicy }) {
  const client = useQueryClient();
  const [form, setForm] = useState(now);
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/sign-in-policy', { params: { path: { customer } }, body: { ...form, limits: form.limits.filter((l) => l.idle_minutes || l.absolute_minutes) } })),
    onSuccess: (chosen) => {
      toast('The sign-in rules are set.');
      client.setQueryData(here(customer, 'sign-in'), chosen);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const p = save.error instanceof Problem ? save.error : null;
  const known = p && ['factor', 'device_days', 'recovery'].some((f) => p.about(f));
  return (
    <form onSubmit={submit}>
      <Card title="Second factor">
        <Stack>
          <Radio.Group aria-label="Second factor" value={form.factor} onChange={(factor) => setForm({ ...form, factor: factor as SignInPolicy['factor'] })} error={p?.about('factor')}>
            <Stack gap={10}>
              <Radio value="mail" label="A mailed code will do" description="Whoever reads somebody's mail and knows the password is in." />
              <Radio value="strong" label="Authenticator app or passkey" description="Mailed codes are not enough." />
              <Radio value="passkey" label="Passkey only" description="Nothing that a false page could ask for." />
            </Stack>
          </Radio.Group>
          <NumberInput label="Remember browsers for" description="0 to 90 days; there the second factor is not asked for at each sign-in. 0: not at all." suffix=" days" min={0} max={90} maw={420} value={form.device_days} onChange={(v) => setForm({ ...form, device_days: Number(v) })} error={p?.about('device_days')} />
        </Stack>
      </Card>
      <Limits form={form} setForm={setForm} />
      <OnlyElsewhere customer={customer} form={form} setForm={setForm} error={p?.about('recovery')} />
      {save.error != null && !known && <Failed error={save.error} />}
      <Group mt="md">
        <Button type="submit" loading={save.isPending}>Save</Button>
      </Group>
    </form>
  );
}

type Part = { form: SignInPolicy; setForm: (f: SignInPolicy) => void };

function Limits({ form, setForm }: Part) {
  const of = (role: string) => form.limits.find((l) => l.role === role) ?? { role, idle_minutes: 0, absolute_minutes: 0 };
  const set = (role: string, change: Partial<SignInPolicy['limits'][number]>) =>
    setForm({ ...form, limits: [...form.limits.filter((l) => l.role !== role), { ...of(role), ...change }] });
  return (
    <Card title="How long people stay in" about="In minutes; empty: 12 hours without a sign of life, and 7 days without showing a factor. With several roles the shortest holds." flush>
      <Table.ScrollContainer minWidth={460}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Role</Table.Th>
              <Table.Th>Without a sign of life</Table.Th>
              <Table.Th>Without showing a factor</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {roles.map((r) => (
              <Table.Tr key={r}>
                <Table.Td>{roleName(r)}</Table.Td>
                <Table.Td>
                  <NumberInput aria-label={`${roleName(r)}: minutes without a sign of life`} placeholder="720" min={5} max={720} w={120} value={of(r).idle_minutes || ''} onChange={(v) => set(r, { idle_minutes: Number(v) })} />
                </Table.Td>
                <Table.Td>
                  <NumberInput aria-label={`${roleName(r)}: minutes without showing a factor`} placeholder="10080" min={15} max={10080} w={120} value={of(r).absolute_minutes || ''} onChange={(v) => set(r, { absolute_minutes: Number(v) })} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

/** OnlyElsewhere shuts every door but the organisation's own identity provider, and keeps a way back. */
function OnlyElsewhere({ customer, form, setForm, error }: Part & { customer: string; error?: string }) {
  const people = useQuery(members(customer)).data?.items ?? [];
  const administrators = people.filter((m) => m.roles.includes('customer_admin')).map((m) => ({ value: m.person_id, label: `${m.name} · ${m.email}` }));
  return (
    <Card title="Only through your own identity provider">
      <Stack maw={560}>
        <Switch label="Let people in through it only" description="Set the provider up and try it first, under “Single sign-on”." checked={form.sso_only} onChange={(e) => setForm({ ...form, sso_only: e.currentTarget.checked })} />
        {form.sso_only && (
          <>
            <MultiSelect label="Who still comes in when it fails" description="Administrators with an authenticator app or a passkey" data={administrators} value={form.recovery} onChange={(recovery) => setForm({ ...form, recovery })} error={error} />
            <Alert variant="light" color="yellow" icon={<Icon name="warn" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              <Text size="sm">Everybody else is asked to sign in there from their next request on.</Text>
            </Alert>
          </>
        )}
      </Stack>
    </Card>
  );
}
