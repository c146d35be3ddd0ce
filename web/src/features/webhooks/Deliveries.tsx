import { Badge, Button, Drawer, Group, Menu, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import type { Webhook, WebhookDelivery } from '../../api/types';
import { ago, exact, moment } from '../../ui/format';
import { Empty, Failed, Loading } from '../../ui/States';
import { toast } from '../../ui/toast';
import { deliveries } from './queries';

type Shown = 'all' | 'waiting' | 'delivered' | 'dead';
type Which = { message?: string; since?: string; failed?: boolean };

/** Deliveries lists the messages of a webhook and what became of them, and sends them again. */
export function Deliveries({ customer, webhook, onClose }: { customer: string; webhook: Webhook; onClose: () => void }) {
  const client = useQueryClient();
  const [state, setState] = useState<Shown>('all');
  const query = useInfiniteQuery(deliveries(customer, webhook.id, state === 'all' ? undefined : state));
  const replay = async (which: Which) => {
    try {
      const done = await must(api.POST('/api/v1/customers/{customer}/webhooks/{webhook}/replay', { params: { path: { customer, webhook: webhook.id } }, body: which }));
      toast(done.messages === 1 ? 'One message is sent again.' : `${done.messages} messages are sent again.`);
    } catch {
      return toast('Nothing was sent. Is the webhook switched on?', 'bad');
    }
    await client.invalidateQueries({ queryKey: here(customer, 'webhooks') });
  };
  const items = query.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Drawer opened onClose={onClose} position="right" size="xl" title={`Messages of ${webhook.name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Group justify="space-between" gap="sm">
          <SegmentedControl
            aria-label="Which messages" value={state} onChange={(v) => setState(v as Shown)} size="xs"
            data={[{ value: 'all', label: 'All' }, { value: 'waiting', label: 'Waiting' }, { value: 'delivered', label: 'Arrived' }, { value: 'dead', label: 'Given up' }]}
          />
          <Menu position="bottom-end">
            <Menu.Target>
              <Button size="xs" variant="default" disabled={webhook.state !== 'active'}>Send again</Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => void replay({ failed: true })}>All that were given up</Menu.Item>
              <Menu.Item onClick={() => void replay({ since: dayjs().subtract(1, 'day').toISOString() })}>All of the last day</Menu.Item>
              <Menu.Item onClick={() => void replay({ since: dayjs().subtract(7, 'day').toISOString() })}>All of the last week</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
        {query.error && <Failed error={query.error} retry={() => void query.refetch()} />}
        {query.isPending && <Loading />}
        {query.data && items.length === 0 && <Empty icon="outof" title="No messages">{state === 'dead' ? 'None was given up.' : 'The next one that it wants to hear of stands here.'}</Empty>}
        {items.length > 0 && <Lines items={items} onReplay={webhook.state === 'active' ? (d) => void replay({ message: d.id }) : undefined} />}
        {query.hasNextPage && <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Earlier ones</Button>}
      </Stack>
    </Drawer>
  );
}

const states = { waiting: { label: 'Waiting', color: 'orange' }, delivered: { label: 'Arrived', color: 'pine' }, dead: { label: 'Given up', color: 'red' } } as const;

function Lines({ items, onReplay }: { items: WebhookDelivery[]; onReplay?: (d: WebhookDelivery) => void }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Message</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th><span className="sr">Send again</span></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((d) => (
            <Table.Tr key={d.id}>
              <Table.Td>
                <Text size="sm">{d.event}</Text>
                <Text size="xs" c="dimmed" className="mono">{d.subject}</Text>
              </Table.Td>
              <Table.Td title={exact(d.at)}>{ago(d.at)}</Table.Td>
              <Table.Td>
                <Badge color={states[d.state].color}>{states[d.state].label}</Badge>
                <Text size="xs" c="dimmed">
                  {d.answer || 'Not tried yet'}{d.attempts > 1 && `, ${d.attempts} times`}{d.next_at && d.attempts > 0 && `; next ${moment(d.next_at)}`}
                </Text>
              </Table.Td>
              <Table.Td ta="right">{onReplay && d.state !== 'waiting' && <Button size="compact-sm" variant="default" onClick={() => onReplay(d)} aria-label={`Send ${d.event} again`}>Again</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
