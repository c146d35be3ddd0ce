import { Badge, Button, Checkbox, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMe } from '../../api/me';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Policy } from '../rights/PermissionsPage';
import { permissions } from '../rights/queries';
import { Why } from '../rights/Why';
import { NodeHead } from './NodeHead';
import { nodeOf, staffOf } from './queries';

type Staff = components['schemas']['Staff'];
type Role = Staff['roles'][number];

const route = getRouteApi('/in/n/$node/staff');

const about: Record<string, string> = {
  provider_admin: 'Resellers, customers, quotas, looks, backups and keys of the installation, and who works here. Hears nothing.',
  provider_support: 'Figures and health of everything below. Changes nothing, hears nothing; a customer can let them in for some hours.',
  reseller_admin: 'This reseller and all below it. Hears nothing.',
};
const rolesAt: Record<string, Role[]> = { provider: ['provider_admin', 'provider_support'], reseller: ['reseller_admin'] };

/** StaffPage is who works for the provider or a reseller, what they may do, and why. */
export function StaffPage() {
  const { node } = route.useParams();
  const one = useQuery(nodeOf(node));
  const query = useQuery(staffOf(node));
  const table = useQuery(permissions);
  const held = useMe()?.places.find((p) => p.id === node)?.roles ?? [];
  const [edit, setEdit] = useState<Staff | 'new' | null>(null);
  const roles = rolesAt[one.data?.kind ?? ''] ?? [];
  return (
    <>
      <NodeHead node={node} page="People" />
      <Page
        title="People" about="Who works here. No role at this level reaches a customer’s recordings, transcripts or names. A change works from the next request on."
        actions={roles.length > 0 && <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEdit('new')}>Invite somebody</Button>}
      >
        <Card flush>
          <Answered query={query}>
            {(data) => (data.items.length === 0 ? <Empty icon="people" title="Nobody yet">{one.data?.kind === 'customer' && 'A customer’s people are named by its own administrators.'}</Empty> : <List items={data.items} node={node} edit={setEdit} />)}
          </Answered>
        </Card>
        {query.data && table.data && (
          <Why
            people={query.data.items.map((m) => ({ id: m.person_id, name: m.name, email: m.email }))} acts={table.data.acts} first="quota.set"
            ask={({ person, act }) => must(api.GET('/api/v1/nodes/{node}/why', { params: { path: { node }, query: { person, act } } }))}
          />
        )}
        <Answered query={table}>{(data) => <Policy table={data} held={held} />}</Answered>
      </Page>
      {edit && <Edit key={edit === 'new' ? 'new' : edit.person_id} node={node} can={roles} member={edit === 'new' ? null : edit} onClose={() => setEdit(null)} />}
    </>
  );
}

function List({ items, node, edit }: { items: Staff[]; node: string; edit: (m: Staff) => void }) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Staff | null>(null);
  const again = useMutation({
    mutationFn: (m: Staff) => must(api.POST('/api/v1/nodes/{node}/staff', { params: { path: { node } }, body: { email: m.email, name: m.name, roles: m.roles } })),
    onSuccess: (_, m) => toast(`The invitation was mailed to ${m.email} again.`),
    onError: () => toast('The invitation could not be mailed. Try again later.', 'bad'),
  });
  const remove = async () => {
    await must(api.DELETE('/api/v1/nodes/{node}/staff/{person}', { params: { path: { node, person: gone!.person_id } } }));
    toast(`${gone!.name} has no role here any more.`);
    await client.invalidateQueries({ queryKey: staffOf(node).queryKey });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={620}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Roles</Table.Th>
              <Table.Th>Second factor</Table.Th>
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
                <Table.Td>{m.strong ? 'App or passkey' : <Text span size="sm" c="dimmed">Mailed code only</Text>}</Table.Td>
                <Table.Td>
                  <Group gap={6} justify="flex-end" wrap="nowrap">
                    <Button size="compact-sm" variant="default" onClick={() => edit(m)} aria-label={`Change ${m.name}`}>Change</Button>
                    {m.state === 'invited' && <Button size="compact-sm" variant="default" loading={again.isPending && again.variables === m} onClick={() => again.mutate(m)} aria-label={`Mail again: ${m.name}`}>Mail again</Button>}
                    <Button size="compact-sm" variant="default" onClick={() => setGone(m)} aria-label={`Remove ${m.name}`}>Remove</Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Remove ${gone?.name}?`} act="Remove" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        All roles here are taken away at once, with the tokens that {gone?.name} made here and support accesses that customers gave. What was done stays in the change log.
      </Confirm>
    </>
  );
}

function Edit({ node, can, member, onClose }: { node: string; can: Role[]; member: Staff | null; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ name: '', email: '', roles: member?.roles ?? can.slice(-1) });
  const save = useMutation({
    mutationFn: () =>
      member
        ? must(api.PUT('/api/v1/nodes/{node}/staff/{person}', { params: { path: { node, person: member.person_id } }, body: { roles: form.roles } }))
        : must(api.POST('/api/v1/nodes/{node}/staff', { params: { path: { node } }, body: { name: form.name, email: form.email.trim(), roles: form.roles } })),
    onSuccess: () => {
      toast(member ? 'Changed.' : `${form.email} has been invited.`);
      onClose();
      return client.invalidateQueries({ queryKey: staffOf(node).queryKey });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={member ? `Change ${member.name}` : 'Invite somebody'} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {!member && (
            <>
              <TextInput label="Name" required data-autofocus maxLength={100} value={form.name} error={p?.about('name')} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} />
              <TextInput label="E-mail" type="email" required value={form.email} error={p?.about('email')} onChange={(e) => setForm({ ...form, email: e.currentTarget.value })} />
            </>
          )}
          <Checkbox.Group label="Roles" value={form.roles} onChange={(v) => setForm({ ...form, roles: v as Role[] })} error={p?.about('roles')}>
            <Stack gap={10} mt={8}>
              {can.map((r) => <Checkbox key={r} value={r} label={roleName(r)} description={about[r]} />)}
            </Stack>
          </Checkbox.Group>
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
