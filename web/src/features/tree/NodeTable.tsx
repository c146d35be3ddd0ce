import { ActionIcon, Anchor, Badge, Group, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import { api, must } from '../../api/client';
import type { Node } from '../../api/types';
import { ago, bytes, count, exact, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';

const states: Record<string, { text: string; tone: string }> = {
  good: { text: 'Working', tone: 'positive' },
  attention: { text: 'Needs attention', tone: 'negative' },
  new: { text: 'Being set up', tone: 'neutral' },
  suspended: { text: 'Suspended', tone: 'negative' },
};

/** troubles says what is behind a state, in words. */
export function troubles(n: Node): string {
  const h = n.health;
  return [
    h.attention > 0 && count(h.attention, 'file'),
    h.failed_jobs > 0 && count(h.failed_jobs, 'failed job'),
    h.failing_sources > 0 && count(h.failing_sources, 'source'),
    h.silent > 0 && (n.kind === 'customer' ? 'nothing came for a day' : `${count(h.silent, 'customer')} silent for a day`),
    h.suspended > 0 && n.kind !== 'customer' && `${h.suspended} suspended`,
  ].filter(Boolean).join(', ');
}

/** NodeTable lists nodes; what stands below one is opened in place. */
export function NodeTable({ items, expands }: { items: Node[]; expands: boolean }) {
  return (
    <div className="card">
      <Table.ScrollContainer minWidth={720}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Health</Table.Th>
              <Table.Th ta="right">Recordings</Table.Th>
              <Table.Th ta="right">Stored</Table.Th>
              <Table.Th ta="right">People</Table.Th>
              <Table.Th>Last recording</Table.Th>
              <Table.Th>Here since</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((n) => <Row key={n.id} node={n} depth={0} expands={expands} />)}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  );
}

function Row({ node: n, depth, expands }: { node: Node; depth: number; expands: boolean }) {
  const [open, setOpen] = useState(false);
  const s = states[n.health.state] ?? { text: words(n.health.state), tone: 'neutral' };
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td>
          <Group gap="xs" wrap="nowrap" pl={depth * 22}>
            {expands && n.below > 0 ? (
              <ActionIcon variant="subtle" color="gray" size={26} aria-expanded={open} aria-label={`${open ? 'Close' : 'Open'} ${n.name}`} onClick={() => setOpen(!open)}>
                <Icon name={open ? 'down' : 'right'} size={15} />
              </ActionIcon>
            ) : expands && <span style={{ width: 26 }} />}
            <Anchor component={Link} to={`/n/${n.id}`} size="sm" fw={550}>{n.name}</Anchor>
            {n.kind === 'reseller' && <Badge>Reseller, {n.below} below</Badge>}
          </Group>
        </Table.Td>
        <Table.Td>
          <Text size="sm" className={s.tone}>{s.text}</Text>
          {troubles(n) && <Text size="xs" c="dimmed">{troubles(n)}</Text>}
        </Table.Td>
        <Table.Td ta="right" className="num">{n.usage.recordings.toLocaleString('en-GB')}</Table.Td>
        <Table.Td ta="right" className="num">{bytes(n.usage.bytes)}</Table.Td>
        <Table.Td ta="right" className="num">{n.usage.seats.toLocaleString('en-GB')}</Table.Td>
        <Table.Td title={exact(n.health.last_captured_at)}>{ago(n.health.last_captured_at)}</Table.Td>
        <Table.Td title={exact(n.created_at)}>{ago(n.created_at)}</Table.Td>
      </Table.Tr>
      {open && <Inside node={n} depth={depth + 1} />}
    </Fragment>
  );
}

function Inside({ node: n, depth }: { node: Node; depth: number }) {
  const list = useQuery({
    queryKey: ['node', n.id, 'inside'],
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/children', { params: { path: { node: n.id }, query: { limit: 100 } } })),
  });
  const note = list.error ? 'It could not be read. Open its page to try again.' : list.data ? list.data.next_cursor && 'There are more: open its page.' : 'Loading…';
  return (
    <>
      {list.data?.items.map((child) => <Row key={child.id} node={child} depth={depth} expands />)}
      {note && (
        <Table.Tr>
          <Table.Td colSpan={7}>
            <Text size="sm" c="dimmed" pl={depth * 22 + 34} role="status">{note} <Anchor component={Link} to={`/n/${n.id}`} size="sm">{n.name}</Anchor></Text>
          </Table.Td>
        </Table.Tr>
      )}
    </>
  );
}
