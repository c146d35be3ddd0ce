import { Badge, Box, Button, Center, Collapse, Group, SegmentedControl, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Fragment, useState } from 'react';
import type { Call } from '../../api/types';
import { clock, day, exact, time, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Page } from '../../ui/Page';
import { Empty, Failed, Loading } from '../../ui/States';
import { active, tidy, type Filters } from '../recordings/filters';
import { directionIcon, directionText, other, ours } from '../recordings/party';
import { calls } from '../recordings/queries';
import { happening } from '../recording/timeline';

const route = getRouteApi('/in/c/$customer/calls');

/** CallsPage lists calls as the telephone system logged them, also those nobody answered and those without a recording. */
export function CallsPage() {
  const { customer } = route.useParams();
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const [shown, setShown] = useState<string | null>(null);
  const list = useInfiniteQuery(calls(customer, filters));
  const rows = list.data?.pages.flatMap((p) => p.items) ?? [];
  const set = (change: Partial<Filters>) => void navigate({ search: (s) => tidy({ ...s, ...change }), replace: true });
  const later = useDebouncedCallback((number: string) => set({ number: number.trim() || undefined }), 350);
  return (
    <Page wide title="Calls" about="Every call that the telephone system logged, also those that nobody answered and those without a recording.">
      <Group gap="xs" mb="sm" role="search" aria-label="Filter calls">
        <TextInput aria-label="Number" placeholder="Number" defaultValue={filters.number} leftSection={<Icon name="search" size={16} />} onChange={(e) => later(e.currentTarget.value)} w={240} />
        <SegmentedControl
          aria-label="Direction" value={filters.direction ?? 'all'} onChange={(v) => set({ direction: v === 'all' ? undefined : (v as Filters['direction']) })}
          data={[{ value: 'all', label: 'All' }, { value: 'inbound', label: 'Inbound' }, { value: 'outbound', label: 'Outbound' }, { value: 'internal', label: 'Internal' }]}
        />
      </Group>
      <Box className="card">
        {list.isPending && <Box p="md"><Loading rows={8} /></Box>}
        {list.error && rows.length === 0 && <Box p="md"><Failed error={list.error} retry={() => void list.refetch()} /></Box>}
        {list.isSuccess && rows.length === 0 && (
          <Empty icon="phone" title={active(filters) > 0 ? 'No call matches' : 'No calls yet'} action={active(filters) > 0 && <Button variant="default" onClick={() => void navigate({ search: {} })}>Clear all filters</Button>}>
            Calls come from a telephone system's logs. A folder of sound files without logs gives one call for each file.
          </Empty>
        )}
        {rows.length > 0 && (
          <Table.ScrollContainer minWidth={760}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th w={150}>When</Table.Th>
                  <Table.Th>Who</Table.Th>
                  <Table.Th>Queue</Table.Th>
                  <Table.Th>Answered by</Table.Th>
                  <Table.Th>Outcome</Table.Th>
                  <Table.Th w={170}>Recordings</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((c) => (
                  <Row key={c.id} call={c} customer={customer} shown={shown === c.id} toggle={() => setShown((s) => (s === c.id ? null : c.id))} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Box>
      {list.hasNextPage && (
        <Center py="md">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Load more</Button>
        </Center>
      )}
    </Page>
  );
}

function Row({ call, customer, shown, toggle }: { call: Call; customer: string; shown: boolean; toggle: () => void }) {
  const o = other(call);
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td className="num">
          <button type="button" className="plain" aria-expanded={shown} onClick={toggle} title={exact(call.started_at)}>
            <Group gap={6} wrap="nowrap">
              <Icon name={shown ? 'down' : 'right'} size={14} />
              <span>{day(call.started_at)} <Text span c="dimmed" inherit>{time(call.started_at)}</Text></span>
            </Group>
          </button>
        </Table.Td>
        <Table.Td>
          <Group gap={8} wrap="nowrap">
            <Text span c="dimmed" style={{ display: 'inline-flex' }} title={directionText[call.direction]}>
              <Icon name={directionIcon[call.direction] ?? 'wave'} size={16} />
              <span className="sr">{directionText[call.direction] ?? words(call.direction)}</span>
            </Text>
            <div>
              {o.name}
              {o.number && <Text size="xs" c="dimmed" className="num">{o.number}</Text>}
            </div>
          </Group>
        </Table.Td>
        <Table.Td>{call.queue || '–'}</Table.Td>
        <Table.Td>{ours(call) || '–'}</Table.Td>
        <Table.Td>
          <Badge color={call.disposition === 'answered' ? undefined : 'orange'} variant={call.disposition === 'answered' ? 'default' : 'light'} c={call.disposition === 'answered' ? undefined : 'var(--rf-agent)'}>
            {words(call.disposition)}
          </Badge>
        </Table.Td>
        <Table.Td>
          {call.recordings.length === 0 ? (
            <Text span size="sm" c="dimmed">None</Text>
          ) : (
            <Group gap={8}>
              {call.recordings.map((id, i) => (
                <LinkAnchor key={id} to="/c/$customer/recordings" params={{ customer }} search={{ open: id }} size="sm">
                  {call.recordings.length === 1 ? 'Open' : `Open ${i + 1}`}
                </LinkAnchor>
              ))}
            </Group>
          )}
        </Table.Td>
      </Table.Tr>
      <Table.Tr style={{ display: shown ? undefined : 'none' }}>
        <Table.Td colSpan={6} py={0}>
          <Collapse expanded={shown}>
            <Events call={call} />
          </Collapse>
        </Table.Td>
      </Table.Tr>
    </Fragment>
  );
}

function Events({ call }: { call: Call }) {
  if (call.events.length === 0) return <Text size="sm" c="dimmed" py="sm" pl={20}>The log says no more about this call.</Text>;
  return (
    <ol style={{ listStyle: 'none', margin: 0, padding: '8px 0 12px 20px' }}>
      {call.events.map((e, i) => (
        <li key={i} style={{ display: 'grid', gridTemplateColumns: '64px 1fr', padding: '2px 0' }}>
          <Text span size="sm" c="dimmed" className="num">+{clock((Date.parse(e.at) - Date.parse(call.started_at)) / 1000)}</Text>
          <Text span size="sm">{happening(e)}</Text>
        </li>
      ))}
    </ol>
  );
}
