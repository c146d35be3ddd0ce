import { Alert, Badge, Button, Group, Modal, Radio, Select, Stack, Table, Text, TextInput, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay } from '../../api/me';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { support } from './queries';

type Access = components['schemas']['SupportAccess'];
type Role = Access['role'];

const roles: { value: Role; label: string; about: string }[] = [
  { value: 'customer_admin', label: 'Administrator', about: 'Settings and the change log. Hears nothing, and cannot give roles, tokens or further access.' },
  { value: 'auditor', label: 'Auditor', about: 'Reads the change log, members and policies. Changes nothing.' },
  { value: 'superuser', label: 'SuperUser', about: 'May hear, read and download every recording while it lasts.' },
];

const minutes = [15, 30, 60, 120, 240].map((m) => ({ value: String(m), label: m < 60 ? `${m} minutes` : m === 60 ? '1 hour' : `${m / 60} hours` }));
const clock = (t: string) => new Date(t).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** SupportPage lets one named person of the provider or the reseller in for a while, and shows who ever was. */
export function SupportPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer)('support.grant');
  const query = useQuery(support(customer));
  const [open, setOpen] = useState(false);
  return (
    <Page
      title="Support access" about="Your provider and reseller see no recording, no name and no number here. If they are to help, let one named person in: for a reason, for at most four hours. What they do stands in your change log."
      actions={may && <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setOpen(true)}>Let somebody in</Button>}
    >
      <div className="card">
        <Answered query={query}>
          {(data) => (data.items.length === 0
            ? <Empty icon="lock" title="Nobody was ever let in">Support access that you give is listed here, with its reason and when it was used.</Empty>
            : <Lines items={data.items} customer={customer} may={may} />)}
        </Answered>
      </div>
      {open && <Give customer={customer} onClose={() => setOpen(false)} />}
    </Page>
  );
}

function Lines({ items, customer, may }: { items: Access[]; customer: string; may: boolean }) {
  const client = useQueryClient();
  const [end, setEnd] = useState<Access | null>(null);
  const finish = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/support/{support}', { params: { path: { customer, support: end!.id } } }));
    toast('Ended. The next request is refused.');
    await client.invalidateQueries({ queryKey: here(customer, 'support') });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={720}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Who</Table.Th><Table.Th>As</Table.Th><Table.Th>Why</Table.Th><Table.Th>From</Table.Th><Table.Th>Until</Table.Th><Table.Th><span className="sr">End</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((g) => (
              <Table.Tr key={g.id}>
                <Table.Td>
                  <Text size="sm" fw={550}>{g.name}</Text>
                  <Text size="xs" c="dimmed">{g.email}</Text>
                </Table.Td>
                <Table.Td>{roleName(g.role)}</Table.Td>
                <Table.Td>
                  <Text size="sm">{g.reason}</Text>
                  <Text size="xs" c="dimmed">given by {g.by || 'a machine'}; {g.used_at ? `first used ${clock(g.used_at)}` : 'not used'}</Text>
                </Table.Td>
                <Table.Td>{clock(g.started_at)}</Table.Td>
                <Table.Td>{clock(g.ended_at ?? g.until)}</Table.Td>
                <Table.Td>
                  <Group justify="flex-end" gap="xs" wrap="nowrap">
                    {g.open ? <Badge color="yellow">Open</Badge> : <Badge color="gray">Ended</Badge>}
                    {g.open && may && <Button size="compact-sm" variant="default" aria-label={`End the support access of ${g.name}`} onClick={() => setEnd(g)}>End</Button>}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`End the support access of ${end?.name}?`} act="End now" opened={end !== null} onClose={() => setEnd(null)} onConfirm={finish}>
        The next request is refused, and open pages close within a second.
      </Confirm>
    </>
  );
}

function Give({ customer, onClose }: { customer: string; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ email: '', role: 'customer_admin' as Role, reason: '', minutes: '60' });
  const save = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/support', { params: { path: { customer } }, body: { ...form, email: form.email.trim(), minutes: Number(form.minutes) } })),
    onSuccess: (g) => {
      toast(`${g.name} can come in until ${clock(g.until)}.`);
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'support') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Let somebody in" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="E-mail" type="email" description="Of somebody who works for your provider or reseller" required data-autofocus value={form.email} onChange={(e) => setForm({ ...form, email: e.currentTarget.value })} error={p?.about('email')} />
          <Radio.Group label="As" value={form.role} onChange={(role) => setForm({ ...form, role: role as Role })} error={p?.about('role')}>
            <Stack gap={10} mt={8}>{roles.map((r) => <Radio key={r.value} value={r.value} label={r.label} description={r.about} />)}</Stack>
          </Radio.Group>
          <Textarea label="Why" description="Stands in the change log and in the mail to your administrators" required autosize minRows={2} maxLength={500} value={form.reason} onChange={(e) => setForm({ ...form, reason: e.currentTarget.value })} error={p?.about('reason')} />
          <Select label="For" data={minutes} value={form.minutes} onChange={(v) => setForm({ ...form, minutes: v ?? '60' })} allowDeselect={false} error={p?.about('minutes')} />
          {form.role === 'superuser' && (
            <Alert variant="light" color="yellow" icon={<Icon name="shield" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              This person may hear every conversation here while it lasts. Each one that is opened leaves a receipt in your change log.
            </Alert>
          )}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Let in</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
