import { Alert, Badge, Button, Checkbox, Group, Modal, Stack, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay, useMe } from '../../api/me';
import { roleName, roleNames } from '../../api/roles';
import type { Member } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { reach, ScopeFields } from '../rights/ScopeFields';
import { members } from './queries';

type Role = Member['roles'][number];

const roles: { value: Role; label?: string; about: string }[] = [
  { value: 'user', label: roleNames.user, about: 'Hears recordings of the own extensions, and no others.' },
  { value: 'agent', label: roleNames.agent, about: 'Sees the list of the own calls. Hears nothing.' },
  { value: 'supervisor', label: roleNames.supervisor, about: 'Sees and hears what the scope below names. Cannot download.' },
  { value: 'superuser', label: roleNames.superuser, about: 'Hears, reads and downloads every recording of this customer. Only you, as administrator, can grant it.' },
  { value: 'auditor', label: roleNames.auditor, about: 'Reads the change log, members and policies. Changes nothing, sees no recording.' },
  { value: 'customer_admin', label: roleNames.customer_admin, about: 'Sources, retention, members and the change log. Sees the list, but does not listen.' },
];

export function MembersPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(members(customer));
  const may = useMay(customer)('member.manage');
  const [edit, setEdit] = useState<Member | 'new' | null>(null);
  return (
    <Page
      title="Members" about="Who has a role here. A change works from the person's next request on, and stands in the change log."
      actions={may && <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEdit('new')}>Invite somebody</Button>}
    >
      <div className="card">
        <Answered query={query}>
          {(data) => (data.items.length === 0 ? <Empty icon="people" title="Nobody yet" /> : <List items={data.items} customer={customer} edit={setEdit} />)}
        </Answered>
      </div>
      {edit && <Edit key={edit === 'new' ? 'new' : edit.person_id} customer={customer} member={edit === 'new' ? null : edit} onClose={() => setEdit(null)} />}
    </Page>
  );
}

function List({ items, customer, edit }: { items: Member[]; customer: string; edit: (m: Member) => void }) {
  const client = useQueryClient();
  const self = useMe()?.person.id;
  const may = useMay(customer)('member.manage');
  const [gone, setGone] = useState<Member | null>(null);
  const [lost, setLost] = useState<Member | null>(null);
  const reset = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/members/{person}/factors', { params: { path: { customer, person: lost!.person_id } } }));
    toast(`${lost!.name} signs in with a mailed code now, and was told so.`);
  };
  const again = useMutation({
    mutationFn: (m: Member) => must(api.POST('/api/v1/customers/{customer}/members/{person}/invitation', { params: { path: { customer, person: m.person_id } } })),
    onSuccess: (_, m) => toast(`The invitation was mailed to ${m.email} again. The older link has ended.`),
    onError: () => toast('The invitation could not be mailed. Try again later.', 'bad'),
  });
  const remove = async () => {
    const params = { path: { customer, person: gone!.person_id } };
    if (gone!.state === 'invited') await must(api.DELETE('/api/v1/customers/{customer}/members/{person}/invitation', { params }));
    else await must(api.DELETE('/api/v1/customers/{customer}/members/{person}', { params }));
    toast(`${gone!.name} has no role here any more.`);
    await client.invalidateQueries({ queryKey: here(customer, 'members') });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={640}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Roles</Table.Th>
              <Table.Th>Reaches</Table.Th>
              <Table.Th><span className="sr">Change</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((m) => (
              <Table.Tr key={m.person_id}>
                <Table.Td>
                  <Group gap="xs">
                    <Text size="sm" fw={550}>{m.name}</Text>
                    {m.state === 'invited' && <Badge>Invited</Badge>}
                  </Group>
                  <Text size="xs" c="dimmed">{m.email}</Text>
                </Table.Td>
                <Table.Td>{m.roles.map(roleName).join(', ')}</Table.Td>
                <Table.Td>{reach(m) || <Text span size="sm" c="dimmed">–</Text>}</Table.Td>
                <Table.Td>
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    {may && <Button size="compact-sm" variant="default" onClick={() => edit(m)} aria-label={`Change ${m.name}`}>Change</Button>}
                    {may && m.state !== 'invited' && m.person_id !== self && (
                      <Button size="compact-sm" variant="default" onClick={() => setLost(m)} aria-label={`Reset factors of ${m.name}`}>Reset factors</Button>
                    )}
                    {may && m.state === 'invited' && (
                      <Button size="compact-sm" variant="default" loading={again.isPending && again.variables === m} onClick={() => again.mutate(m)} aria-label={`Mail again: ${m.name}`}>Mail again</Button>
                    )}
                    {may && m.person_id !== self && (
                      <Button size="compact-sm" variant="default" onClick={() => setGone(m)} aria-label={`${m.state === 'invited' ? 'Withdraw the invitation of' : 'Remove'} ${m.name}`}>{m.state === 'invited' ? 'Withdraw' : 'Remove'}</Button>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Reset the factors of ${lost?.name}?`} act="Reset" opened={lost !== null} onClose={() => setLost(null)} onConfirm={reset}>
        Do this only if you are sure that {lost?.name} has asked: app, passkeys and recovery codes stop counting, every session ends, and the next sign-in asks for a mailed code.
      </Confirm>
      <Confirm title={`Remove ${gone?.name}?`} act="Remove" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        All roles here are taken away at once. What {gone?.name} did stays in the change log.
      </Confirm>
    </>
  );
}

function Edit({ customer, member, onClose }: { customer: string; member: Member | null; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ name: member?.name ?? '', email: member?.email ?? '', roles: member?.roles ?? (['user'] as Role[]), extensions: member?.extensions ?? [], scope: member?.scope ?? {} });
  const save = useMutation({
    mutationFn: async () => {
      const { name, email, ...rest } = form;
      if (member) return must(api.PUT('/api/v1/customers/{customer}/members/{person}', { params: { path: { customer, person: member.person_id } }, body: rest }));
      return must(api.POST('/api/v1/customers/{customer}/members', { params: { path: { customer } }, body: { name, email: email.trim(), ...rest } }));
    },
    onSuccess: () => {
      toast(member ? 'Changed.' : `${form.email} has been invited.`);
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'members') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const granting = form.roles.includes('superuser') && !member?.roles.includes('superuser');
  return (
    <Modal opened onClose={onClose} title={member ? `Change ${member.name}` : 'Invite somebody'} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {!member && (
            <>
              <TextInput label="Name" required data-autofocus value={form.name} error={p?.about('name')} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} />
              <TextInput label="E-mail" type="email" required value={form.email} error={p?.about('email')} onChange={(e) => setForm({ ...form, email: e.currentTarget.value })} />
            </>
          )}
          <Checkbox.Group label="Roles" value={form.roles} onChange={(v) => setForm({ ...form, roles: v as Role[] })} error={p?.about('roles')}>
            <Stack gap={10} mt={8}>
              {roles.map((r) => (
                <Checkbox key={r.value} value={r.value} label={r.label} description={r.about} />
              ))}
            </Stack>
          </Checkbox.Group>
          {(form.roles.includes('user') || form.roles.includes('agent')) && (
            <TagsInput label="Own extensions" description="Type one and press Enter. Theirs since they were last somebody else’s; other dates are set in the directory" value={form.extensions} onChange={(extensions) => setForm({ ...form, extensions })} error={p?.about('extensions')} clearable splitChars={[',', ' ']} />
          )}
          {form.roles.includes('supervisor') && <ScopeFields customer={customer} scope={form.scope} set={(scope) => setForm({ ...form, scope })} about={(f) => p?.about(`scope.${f}`)} />}
          {granting && (
            <Alert variant="light" color="yellow" icon={<Icon name="shield" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              You grant the hearing of every conversation here, past and coming. Each one that is opened leaves a receipt that you can read in the change log.
            </Alert>
          )}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={form.roles.length === 0}>{member ? 'Save' : 'Invite'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
