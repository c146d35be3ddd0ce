import { Badge, Button, Group, Modal, Select, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay, usePlace } from '../../api/me';
import type { Node } from '../../api/types';
import { ago, bytes, count, exact, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

const route = getRouteApi('/in/n/$node');

export function ChildrenPage() {
  const { node } = route.useParams();
  const place = usePlace(node);
  const may = useMay(node);
  const [adding, add] = useDisclosure(false);
  const children = useQuery({ queryKey: ['node', node], queryFn: () => must(api.GET('/api/v1/nodes/{node}/children', { params: { path: { node } } })) });
  const provider = place?.kind === 'provider';
  return (
    <Page
      title={provider ? 'Resellers and customers' : 'Customers'}
      about="Figures without content: no role at this level reaches a customer's recordings, transcripts or names."
      actions={may('node.manage') && <Button leftSection={<Icon name="plus" size={16} />} onClick={add.open}>{provider ? 'Add' : 'Add a customer'}</Button>}
    >
      <Answered query={children}>
        {(data) =>
          data.items.length === 0 ? (
            <div className="card">
              <Empty icon="tree" title="Nobody yet">Add {provider ? 'a reseller or a customer' : 'a customer'}: its administrator gets a mail with a link to set a password.</Empty>
            </div>
          ) : (
            <>
              <Totals items={data.items} />
              <List items={data.items} />
            </>
          )
        }
      </Answered>
      <Create node={node} provider={provider} opened={adding} onClose={add.close} />
    </Page>
  );
}

function Totals({ items }: { items: Node[] }) {
  const sum = (f: (n: Node) => number) => items.reduce((s, n) => s + f(n), 0);
  const figures: [string, string][] = [
    ['Recordings', sum((n) => n.usage.recordings).toLocaleString('en-GB')],
    ['Stored', bytes(sum((n) => n.usage.bytes))],
    ['Hours of sound', (sum((n) => n.usage.minutes) / 60).toLocaleString('en-GB', { maximumFractionDigits: 1 })],
    ['Files that need attention', sum((n) => n.health.attention).toLocaleString('en-GB')],
  ];
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} mb="md">
      {figures.map(([label, value]) => (
        <div key={label} className="card" style={{ padding: '12px 16px' }}>
          <Text size="sm" c="dimmed">{label}</Text>
          <Text fz={24} fw={600} className="num">{value}</Text>
        </div>
      ))}
    </SimpleGrid>
  );
}

const health: Record<string, { text: string; tone: string }> = {
  good: { text: 'Working', tone: 'positive' },
  attention: { text: 'Needs attention', tone: 'negative' },
  new: { text: 'Being set up', tone: 'neutral' },
};

function List({ items }: { items: Node[] }) {
  return (
    <div className="card">
      <Table.ScrollContainer minWidth={680}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Health</Table.Th>
              <Table.Th ta="right">Recordings</Table.Th>
              <Table.Th ta="right">Stored</Table.Th>
              <Table.Th>Last recording</Table.Th>
              <Table.Th>Here since</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((n) => {
              const h = health[n.health.state] ?? { text: words(n.health.state), tone: 'neutral' };
              return (
                <Table.Tr key={n.id}>
                  <Table.Td>
                    <Group gap="xs">
                      <Text size="sm" fw={550}>{n.name}</Text>
                      {n.kind === 'reseller' && <Badge>Reseller</Badge>}
                    </Group>
                  </Table.Td>
                  <Table.Td>
                    <Text size="sm" className={h.tone}>{h.text}</Text>
                    {(n.health.attention > 0 || n.health.failed_jobs > 0) && (
                      <Text size="xs" c="dimmed">
                        {[n.health.attention > 0 && count(n.health.attention, 'file'), n.health.failed_jobs > 0 && count(n.health.failed_jobs, 'failed job')].filter(Boolean).join(', ')}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td ta="right" className="num">{n.usage.recordings.toLocaleString('en-GB')}</Table.Td>
                  <Table.Td ta="right" className="num">{bytes(n.usage.bytes)}</Table.Td>
                  <Table.Td title={exact(n.health.last_captured_at)}>{ago(n.health.last_captured_at)}</Table.Td>
                  <Table.Td title={exact(n.created_at)}>{ago(n.created_at)}</Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  );
}

function Create({ node, provider, opened, onClose }: { node: string; provider: boolean; opened: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const empty = { kind: 'customer' as 'customer' | 'reseller', name: '', admin_name: '', admin_email: '' };
  const [form, setForm] = useState(empty);
  const create = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/children', { params: { path: { node } }, body: form })),
    onSuccess: (made) => {
      toast(`${made.name} is there. ${form.admin_email} has been invited.`);
      setForm(empty);
      onClose();
      return client.invalidateQueries({ queryKey: ['node', node] });
    },
  });
  const p = create.error instanceof Problem ? create.error : null;
  const field = (name: 'name' | 'admin_name' | 'admin_email', label: string, more?: object) => (
    <TextInput label={label} required value={form[name]} error={p?.about(name)} onChange={(e) => setForm({ ...form, [name]: e.currentTarget.value })} {...more} />
  );
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title={provider ? 'Add a reseller or a customer' : 'Add a customer'} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {provider && (
            <Select label="Kind" data={[{ value: 'customer', label: 'Customer' }, { value: 'reseller', label: 'Reseller' }]} value={form.kind} onChange={(v) => setForm({ ...form, kind: v as 'customer' | 'reseller' })} allowDeselect={false} />
          )}
          {field('name', 'Name', { maxLength: 100, 'data-autofocus': true })}
          {field('admin_name', "Administrator's name", { maxLength: 100 })}
          {field('admin_email', "Administrator's e-mail", { type: 'email', description: 'Gets a link, good for one use, to set a password' })}
          {create.error != null && !p?.faults.length && <Failed error={create.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={create.isPending}>Add and invite</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
