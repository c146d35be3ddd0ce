import { Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';
import { ago, bytes, capital, exact } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed, Loading } from '../../ui/States';

type Shapes = components['schemas'];
type State = Shapes['CustomerHealth']['state'];

const states: Record<State, { label: string; color: string }> = {
  off: { label: 'Off', color: 'gray' }, well: { label: 'Well', color: 'pine' }, look: { label: 'Look at it', color: 'orange' }, failing: { label: 'Failing', color: 'red' },
};

const Standing = ({ of }: { of: State }) => <Badge color={states[of].color} miw="max-content">{states[of].label}</Badge>;

const health = (customer: string) =>
  queryOptions({
    queryKey: here(customer, 'health'), refetchInterval: 30_000,
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/health', { params: { path: { customer } } })),
  });

/** HealthPage is how one customer is, for those who look after it. */
export function HealthPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(health(customer));
  return (
    <Page title="Health" about="How this organisation's archive is, in figures. They are reported some seconds after something has changed.">
      <Answered query={query}>
        {(h) => (
          <>
            <Card title={h.findings.length === 0 ? 'Nothing needs anybody' : 'What somebody should look at'}><Findings of={h} /></Card>
            <Card title="Figures"><Figures of={h} /></Card>
          </>
        )}
      </Answered>
    </Page>
  );
}

function Findings({ of: h }: { of: Shapes['CustomerHealth'] }) {
  if (h.findings.length === 0) {
    return <Text size="sm" p="md" pt={0}>{h.reported_at ? `As of ${ago(h.reported_at)}.` : 'No figures have been reported yet.'}</Text>;
  }
  return (
    <Stack gap="sm" p="md">
      {h.findings.map((f) => (
        <Group key={f.text} gap="sm" wrap="nowrap" align="flex-start">
          <Standing of={f.state} />
          <div>
            <Text size="sm" fw={550}>{capital(f.text)}</Text>
            {f.todo && <Text size="sm" c="dimmed">{f.todo}</Text>}
          </div>
        </Group>
      ))}
    </Stack>
  );
}

function Figures({ of: h }: { of: Shapes['CustomerHealth'] }) {
  const releases = Object.entries(h.collectors).map(([release, n]) => `${n} × ${release}`).join(', ');
  const rows: [string, string][] = [
    ['Last recording', ago(h.last_captured_at)], ['Recordings', h.recordings.toLocaleString('en-GB')], ['Stored', bytes(h.bytes)],
    ['Not read back yet', String(h.unverified)], ['Sources', `${h.sources}, of which ${h.sources_failing} cannot be read`],
    ['Collectors', releases || 'none'], ['Collectors that are not heard of', String(h.collectors_silent)], ['Files that could not be captured', String(h.attention)],
    ['Jobs', `${h.jobs_waiting} wait, ${h.jobs_dead} were given up`], ['Webhooks', `${h.webhooks}, of which ${h.webhooks_failing} fail`],
    ['Alerts', `${h.alerts} open, ${h.alerts_urgent} of them urgent`],
  ];
  return (
    <Table.ScrollContainer minWidth={320}>
      <Table>
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" fw={500}>{name}</Table.Th>
              <Table.Td className="num">{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** NodeHealthPage is how the service is: its parts, for the provider, and each customer below by figures. */
export function NodeHealthPage() {
  const { node } = useParams({ strict: false });
  const query = useInfiniteQuery({
    queryKey: ['node', node, 'health'], refetchInterval: 30_000, initialPageParam: '',
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/nodes/{node}/health', { params: { path: { node: node! }, query: { cursor: pageParam || undefined } } })),
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  const first = query.data?.pages[0];
  const customers = query.data?.pages.flatMap((p) => p.customers) ?? [];
  return (
    <Page title="Health" about="Each part with since when and what to do, and each customer by the figures it has reported. No customer is opened for this page.">
      {query.isPending && <Loading />}
      {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
      {first && first.parts.length > 0 && <Card title="The installation" flush><Parts items={first.parts} /></Card>}
      {first && first.parts.length > 0 && Object.keys(first.collectors).length > 0 && (
        <Card title="Collectors by release">
          <Text size="sm" p="md">{Object.entries(first.collectors).map(([release, n]) => `${n} × ${release}`).join(', ')}</Text>
        </Card>
      )}
      {first && (
        <Card title="Customers" flush>
          {customers.length === 0 ? <Empty icon="tree" title="No customers yet">They appear here with their first figures.</Empty> : <Customers items={customers} />}
        </Card>
      )}
      {query.hasNextPage && <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>More customers</Button>}
      {node && first && first.parts.length > 0 && (
        <Text size="sm" c="dimmed">
          <Icon name="right" size={12} /> Release, certificate, mail and folders: <Link to="/n/$node/installation" params={{ node }}>Installation</Link>
        </Text>
      )}
    </Page>
  );
}

function Parts({ items }: { items: Shapes['HealthPart'][] }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Part</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Since</Table.Th>
            <Table.Th>How it is, and what to do</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((p) => (
            <Table.Tr key={p.name}>
              <Table.Td fw={550}>{p.title}</Table.Td>
              <Table.Td><Standing of={p.state} /></Table.Td>
              <Table.Td title={exact(p.since)}>{ago(p.since)}</Table.Td>
              <Table.Td>
                <Text size="sm">{capital(p.text)}</Text>
                {p.todo && <Text size="sm" c="dimmed">{p.todo}</Text>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Customers({ items }: { items: Shapes['CustomerHealth'][] }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Customer</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Last recording</Table.Th>
            <Table.Th>Stored</Table.Th>
            <Table.Th>What somebody should look at</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((c) => (
            <Table.Tr key={c.id}>
              <Table.Td fw={550}>{c.name}</Table.Td>
              <Table.Td><Standing of={c.state} /></Table.Td>
              <Table.Td title={exact(c.last_captured_at)}>{ago(c.last_captured_at)}</Table.Td>
              <Table.Td className="num">{bytes(c.bytes)}</Table.Td>
              <Table.Td>{c.findings.length === 0 ? <Text size="sm" c="dimmed">nothing</Text> : c.findings.map((f) => <Text key={f.text} size="sm">{capital(f.text)}</Text>)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
