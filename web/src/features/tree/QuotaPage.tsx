import { Button, Group, NumberInput, Progress, Select, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Meter } from '../../api/types';
import { bytes } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { NodeHead } from './NodeHead';
import { metersOf, useNodeMay } from './queries';

const route = getRouteApi('/in/n/$node/usage');

const measures: Record<Meter['measure'], { label: string; unit: string; about: string }> = {
  seats: { label: 'People', unit: '', about: 'With a role' },
  gigabytes: { label: 'Storage', unit: ' GB', about: 'Of 10⁹ bytes' },
  minutes: { label: 'Minutes captured', unit: ' min', about: 'In a calendar month' },
  engine_seconds: { label: 'Speech engine', unit: ' s', about: 'Of sound, in a calendar month' },
  requests_per_second: { label: 'Requests', unit: ' a second', about: 'By everybody together' },
};

const shown = (n: number) => n.toLocaleString('en-GB');

export function QuotaPage() {
  const { node } = route.useParams();
  const may = useNodeMay(node);
  const meters = useQuery({ ...metersOf(node), refetchInterval: 10_000 });
  return (
    <>
      <NodeHead node={node} page="Quota and usage" />
      <Page title="Quota and usage" about="A node never promises more to those below than it has. When something is used up nothing is lost: files wait where they are.">
        <Answered query={meters} rows={5}>
          {(data) => (
            <>
              <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} mb="md">
                {data.items.map((m) => <Gauge key={m.measure} meter={m} />)}
              </SimpleGrid>
              {may('quota.set') && <Limits key={JSON.stringify(data.items.map((m) => m.own))} node={node} meters={data.items} />}
            </>
          )}
        </Answered>
        <Months node={node} />
      </Page>
    </>
  );
}

/** OwnQuotaPage is what a customer may use, for its own administrators; who stands above sets it. */
export function OwnQuotaPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const meters = useQuery({ queryKey: here(customer, 'quota'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/quota', { params: { path: { customer } } })), refetchInterval: 10_000 });
  return (
    <Page title="Quota and usage" about="What your organisation may use, and what it does. Whoever provides this service sets it. When something is used up nothing is lost: files wait where they are.">
      <Answered query={meters} rows={5}>
        {(data) => (
          <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }}>
            {data.items.map((m) => <Gauge key={m.measure} meter={m} />)}
          </SimpleGrid>
        )}
      </Answered>
    </Page>
  );
}

function Gauge({ meter: m }: { meter: Meter }) {
  const { label, unit, about } = measures[m.measure];
  const part = m.most === null ? 0 : m.most === 0 ? 100 : Math.min(100, (100 * m.used) / m.most);
  return (
    <div className="card" style={{ padding: '12px 16px' }}>
      <Text size="sm" c="dimmed">{label}</Text>
      <Text fz={22} fw={600} className="num">{shown(m.used)}{unit}</Text>
      {m.most === null ? (
        <Text size="xs" c="dimmed">No limit. {about}</Text>
      ) : (
        <>
          <Progress value={part} size={6} my={6} color={part >= 100 ? 'red.7' : part >= 80 ? 'yellow.7' : 'pine'} aria-label={`${label}: ${Math.round(part)} % of what may be used`} />
          <Text size="xs" c="dimmed">of {shown(m.most)}{unit}{m.own === null && `, the limit of ${m.by}`}{m.promised > 0 && `; ${shown(m.promised)} promised below`}</Text>
        </>
      )}
    </div>
  );
}

function Limits({ node, meters }: { node: string; meters: Meter[] }) {
  const client = useQueryClient();
  const [form, setForm] = useState(() => Object.fromEntries(meters.map((m) => [m.measure, m.own ?? ''])) as Record<Meter['measure'], number | string>);
  const value = (m: Meter['measure']) => (form[m] === '' ? null : Number(form[m]));
  const save = useMutation({
    mutationFn: () =>
      must(api.PUT('/api/v1/nodes/{node}/quota', {
        params: { path: { node } },
        body: { seats: value('seats'), gigabytes: value('gigabytes'), minutes: value('minutes'), engine_seconds: value('engine_seconds'), requests_per_second: value('requests_per_second') },
      })),
    onSuccess: () => {
      toast('The quota is set.');
      return client.invalidateQueries({ queryKey: ['node', node] });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Card title="Limits" about="Empty: no limit of its own; the limits of the nodes above hold.">
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
            {meters.map((m) => (
              <NumberInput
                key={m.measure} label={measures[m.measure].label} description={measures[m.measure].about} value={form[m.measure]} min={0} max={1_000_000_000} allowDecimal={false} thousandSeparator=","
                suffix={measures[m.measure].unit} onChange={(v) => setForm({ ...form, [m.measure]: v })} error={p?.about(m.measure)}
              />
            ))}
          </SimpleGrid>
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group>
            <Button type="submit" loading={save.isPending}>Set the limits</Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

/** months lists this month and those before it. */
function months(now = new Date()): string[] {
  return Array.from({ length: 13 }, (_, i) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - i, 1)).toISOString().slice(0, 7));
}

function Months({ node }: { node: string }) {
  const [period, setPeriod] = useState(months()[0]!);
  const usage = useInfiniteQuery({
    queryKey: ['node', node, 'usage', period],
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/nodes/{node}/usage', { params: { path: { node }, query: { period, cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  return (
    <Card
      title="Used in a month" about="By each customer below; figures without content." flush
      actions={
        <Group align="flex-end" gap="xs">
          <Select aria-label="Month" data={months().map((m) => ({ value: m, label: dayjs(`${m}-01`).format('MMM YYYY') }))} value={period} onChange={(v) => setPeriod(v ?? period)} allowDeselect={false} w={140} />
          <Button component="a" variant="default" href={`/api/v1/nodes/${node}/usage.csv?period=${period}`} download leftSection={<Icon name="download" size={16} />}>CSV</Button>
        </Group>
      }
    >
      <Answered query={usage} rows={3}>
        {(data) =>
          data.pages[0]?.items.length === 0 ? (
            <Empty icon="clock" title="Nothing was used">No customer below has told of this month.</Empty>
          ) : (
            <Table.ScrollContainer minWidth={680}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Customer</Table.Th>
                    <Table.Th ta="right">People</Table.Th>
                    <Table.Th ta="right">Stored</Table.Th>
                    <Table.Th ta="right">Minutes</Table.Th>
                    <Table.Th ta="right">Engine seconds</Table.Th>
                    <Table.Th ta="right">Requests</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.pages.flatMap((p) => p.items).map((u) => (
                    <Table.Tr key={u.id}>
                      <Table.Td>
                        <Text size="sm" fw={550}>{u.name}</Text>
                        {u.under && <Text size="xs" c="dimmed">{u.under}</Text>}
                      </Table.Td>
                      <Table.Td ta="right" className="num">{shown(u.seats)}</Table.Td>
                      <Table.Td ta="right" className="num">{bytes(u.bytes)}</Table.Td>
                      <Table.Td ta="right" className="num">{u.minutes.toLocaleString('en-GB', { maximumFractionDigits: 1 })}</Table.Td>
                      <Table.Td ta="right" className="num">{shown(Math.round(u.engine_seconds))}</Table.Td>
                      <Table.Td ta="right" className="num">{shown(u.requests)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Answered>
      {usage.hasNextPage && (
        <Group justify="center" p="sm">
          <Button variant="default" loading={usage.isFetchingNextPage} onClick={() => void usage.fetchNextPage()}>Show more</Button>
        </Group>
      )}
    </Card>
  );
}
