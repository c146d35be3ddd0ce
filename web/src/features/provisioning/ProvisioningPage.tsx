import { Button, Checkbox, Group, Modal, Select, Stack, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

type Provisioning = components['schemas']['Provisioning'];
type Mapping = components['schemas']['ProvisioningMapping'];
type Provisioner = components['schemas']['Provisioner'];

const at = (customer: string) => ({ params: { path: { customer } } });
const keyOf = (customer: string) => here(customer, 'provisioning');

/** ProvisioningPage is where an administrator lets an identity provider push people. */
export function ProvisioningPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery({ queryKey: keyOf(customer), queryFn: () => must(api.GET('/api/v1/customers/{customer}/provisioning', at(customer))) });
  return (
    <Page title="Provisioning" about="Your identity provider says who is in and who is out, by SCIM 2.0. Whoever it switches off is out with the next request; the last administrator never.">
      <Answered query={query}>
        {(p) => (
          <>
            <Address p={p} />
            <Tokens customer={customer} />
            <Worth key={JSON.stringify([p.mapping, p.default_role, p.invite, p.domains, p.groups])} customer={customer} p={p} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Address({ p }: { p: Provisioning }) {
  return (
    <Card title="Address" about="Entra ID calls it tenant URL, Okta base URL.">
      <Stack gap="sm">
        <CopyLine text={p.base_url} label="Address" />
        <Text size="sm" c="dimmed">
          {p.users === 0
            ? 'Nobody has been pushed yet.'
            : `${count(p.users, 'user')} pushed, ${p.active} active, ${count(p.groups.length, 'group')}; last change ${ago(p.last_change_at)}.`}
        </Text>
        {p.without_role > 0 && (
          <Text size="sm">
            {count(p.without_role, 'active user')} {p.without_role === 1 ? 'is' : 'are'} worth no role and so no member: map a group below, or choose a role for everybody else.
          </Text>
        )}
      </Stack>
    </Card>
  );
}

function Tokens({ customer }: { customer: string }) {
  const key = here(customer, 'provisioning', 'tokens');
  const client = useQueryClient();
  const query = useQuery({ queryKey: key, queryFn: () => must(api.GET('/api/v1/customers/{customer}/provisioning/tokens', at(customer))) });
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [gone, setGone] = useState<Provisioner | null>(null);
  const remove = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/provisioning/tokens/{provisioner}', { params: { path: { customer, provisioner: gone!.id } } }));
    toast('The token has ended.');
    await client.invalidateQueries({ queryKey: key });
  };
  return (
    <>
      {secret && (
        <SecretOnce title="Keep this token now: it is shown this once" onDone={() => setSecret(null)}>
          <CopyLine text={secret} label="Token" />
          <Text size="sm">Entra ID calls it secret token. It reaches this page’s address and nothing else.</Text>
        </SecretOnce>
      )}
      <Card flush title="Tokens" about="What the identity provider shows. They belong to your organisation, not to who made them." actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>Make a token</Button>}>
        <Answered query={query} rows={2}>
          {(data) => (data.items.length === 0 ? <Empty icon="key" title="No tokens">Make one and give it to the identity provider.</Empty> : (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Name</Table.Th><Table.Th>Made by</Table.Th><Table.Th>Last used</Table.Th><Table.Th>Ends</Table.Th><Table.Th><span className="sr">End</span></Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((t) => (
                    <Table.Tr key={t.id}>
                      <Table.Td fw={550}>{t.name}</Table.Td>
                      <Table.Td>{t.created_by}</Table.Td>
                      <Table.Td>{ago(t.last_used_at)}</Table.Td>
                      <Table.Td className={dayjs(t.expires_at).isBefore(dayjs()) ? 'negative' : undefined}>{moment(t.expires_at)}</Table.Td>
                      <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => setGone(t)} aria-label={`End ${t.name}`}>End</Button></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          ))}
        </Answered>
      </Card>
      {making && <Make customer={customer} onClose={() => setMaking(false)} onMade={(s) => { setSecret(s); void client.invalidateQueries({ queryKey: key }); }} />}
      <Confirm title={`End “${gone?.name}”?`} act="End the token" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        The identity provider that uses it can push nobody any more, and take nobody out.
      </Confirm>
    </>
  );
}

function Make({ customer, onClose, onMade }: { customer: string; onClose: () => void; onMade: (secret: string) => void }) {
  const [name, setName] = useState('');
  const [days, setDays] = useState('365');
  const make = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/provisioning/tokens', { ...at(customer), body: { name, expires_at: dayjs().add(Number(days), 'day').toISOString() } })),
    onSuccess: (made) => {
      onMade(made.secret);
      onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Make a token" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" description="Which identity provider will use it" required data-autofocus maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <Select label="Ends" data={[{ value: '90', label: 'In 90 days' }, { value: '180', label: 'In half a year' }, { value: '365', label: 'In one year' }]} value={days} onChange={(v) => setDays(v ?? '365')} allowDeselect={false} w={200} />
          {make.error != null && <Failed error={make.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={make.isPending}>Make</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const all = ['agent', 'auditor', 'customer_admin', 'superuser', 'supervisor', 'user'];
const roles = all.map((r) => ({ value: r, label: roleName(r) }));
const modest = roles.filter((r) => r.value !== 'customer_admin' && r.value !== 'superuser');

/** Worth says which group, or which value of roles, gives which role. */
function Worth({ customer, p }: { customer: string; p: Provisioning }) {
  const client = useQueryClient();
  const [mapping, setMapping] = useState<Mapping[]>(p.mapping);
  const [form, setForm] = useState({ default_role: p.default_role, invite: p.invite, domains: p.domains });
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/provisioning', { ...at(customer), body: { mapping, ...form } })),
    onSuccess: () => {
      toast('Saved. Every member was brought into line.');
      return client.invalidateQueries({ queryKey: keyOf(customer) });
    },
  });
  const problem = save.error instanceof Problem ? save.error : null;
  const set = (i: number, m: Partial<Mapping>) => setMapping(mapping.map((old, j) => (j === i ? { ...old, ...m } : old)));
  const groups = p.groups.map((g) => ({ value: g.id, label: `${g.name} (${g.members})` }));
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Card title="What they are worth" about="A group, or a value of the attribute roles, gives a role. What the identity provider gave it may take; what you added by hand stays until it switches the person off.">
      <form onSubmit={submit}>
        <Stack>
          {mapping.map((m, i) => (
            <Group key={i} align="flex-end" gap="sm">
              {m.value !== undefined && !m.group_id ? (
                <TextInput label="Value of roles" required value={m.value} onChange={(e) => set(i, { value: e.currentTarget.value })} style={{ flex: '1 1 200px' }} />
              ) : (
                <Select label="Group" required data={groups} value={m.group_id ?? null} onChange={(v) => set(i, { group_id: v ?? undefined })} searchable style={{ flex: '1 1 200px' }} nothingFoundMessage="No such group was pushed" />
              )}
              <Select label="gives" required data={roles} value={m.role} onChange={(v) => set(i, { role: v ?? '' })} allowDeselect={false} w={200} />
              <Button variant="default" onClick={() => setMapping(mapping.filter((_, j) => j !== i))} aria-label={`Remove line ${i + 1}`}>
                <Icon name="trash" size={16} />
              </Button>
            </Group>
          ))}
          <Group gap="sm">
            <Button variant="default" leftSection={<Icon name="plus" size={16} />} disabled={groups.length === 0} onClick={() => setMapping([...mapping, { group_id: '', role: 'user' }])}>A group</Button>
            <Button variant="default" leftSection={<Icon name="plus" size={16} />} onClick={() => setMapping([...mapping, { value: '', role: 'user' }])}>A value of roles</Button>
            {groups.length === 0 && <Text size="sm" c="dimmed">Groups appear here once they were pushed.</Text>}
          </Group>
          <Select label="Everybody else" description="Active users whom nothing above gives a role" data={modest} placeholder="No role: they are no members" value={form.default_role || null} onChange={(v) => setForm({ ...form, default_role: v ?? '' })} clearable maw={420} clearButtonProps={{ 'aria-label': 'No role for everybody else' }} />
          <TagsInput label="Domains" description="Of addresses that may be pushed; none: all" value={form.domains} onChange={(v) => setForm({ ...form, domains: v })} maw={420} clearable clearButtonProps={{ 'aria-label': 'Clear the domains' }} />
          <Checkbox label="Mail an invitation to new members" description="Not needed where people sign in by single sign-on" checked={form.invite} onChange={(e) => setForm({ ...form, invite: e.currentTarget.checked })} />
          {problem && problem.faults.length > 0 && <Text size="sm" c="red" role="alert">{problem.faults.map((f) => f.message).join(' ')}</Text>}
          {save.error != null && !problem?.faults.length && <Failed error={save.error} />}
          <Group><Button type="submit" loading={save.isPending}>Save</Button></Group>
        </Stack>
      </form>
    </Card>
  );
}
