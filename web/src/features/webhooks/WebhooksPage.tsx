import { Badge, Button, Group, Menu, Table, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import type { NewWebhook, Webhook } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, exact, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Deliveries } from './Deliveries';
import { webhooks } from './queries';
import { WebhookForm } from './WebhookForm';

export function WebhooksPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(webhooks(customer));
  const [form, setForm] = useState<Webhook | 'new' | null>(null);
  const [secret, setSecret] = useState<NewWebhook | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const open = query.data?.items.find((w) => w.id === shown);
  return (
    <Page
      title="Webhooks" about="Other systems are told when a recording comes in, is transcribed, is missing or is destroyed, and of alerts. Messages hold ids, times and figures, never names, numbers or words."
      actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setForm('new')}>Add a webhook</Button>}
    >
      {secret && (
        <SecretOnce title={`The secret of ${secret.name} is shown this once`} onDone={() => setSecret(null)}>
          <CopyLine text={secret.secret} label="Secret" />
          <Text size="sm">
            Give it to the receiver, which checks the signature of each message with it (Standard Webhooks).
            {secret.two_secrets_until && ` The secret before counts until ${moment(secret.two_secrets_until)}.`}
          </Text>
        </SecretOnce>
      )}
      <div className="card">
        <Answered query={query}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty icon="outof" title="No webhooks">Add one for a CRM, a ticket system or a data warehouse that should hear of recordings as they come.</Empty>
            ) : (
              <List items={data.items} customer={customer} onForm={setForm} onSecret={setSecret} onShow={setShown} />
            )
          }
        </Answered>
      </div>
      {open && <Deliveries customer={customer} webhook={open} onClose={() => setShown(null)} />}
      {form && <WebhookForm customer={customer} webhook={form === 'new' ? undefined : form} onClose={() => setForm(null)} onMade={setSecret} />}
    </Page>
  );
}

function Standing({ of: w }: { of: Webhook }) {
  if (w.state === 'disabled') return <Badge color="red">Switched off</Badge>;
  if (w.state === 'paused') return <Badge color="gray">Paused</Badge>;
  if (w.failing_since) return <Badge color="orange">Failing</Badge>;
  return <Badge>{w.delivered_at ? 'Works' : 'Not tried yet'}</Badge>;
}

type ListProps = { items: Webhook[]; customer: string; onForm: (w: Webhook) => void; onSecret: (w: NewWebhook) => void; onShow: (id: string) => void };

function List({ items, customer, onForm, onSecret, onShow }: ListProps) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Webhook | null>(null);
  const [turned, setTurned] = useState<Webhook | null>(null);
  const at = (w: Webhook) => ({ params: { path: { customer, webhook: w.id } } });
  const again = () => client.invalidateQueries({ queryKey: here(customer, 'webhooks') });
  const remove = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/webhooks/{webhook}', at(gone!)));
    toast(`${gone!.name} is told nothing any more.`);
    await again();
  };
  const rotate = async () => {
    onSecret(await must(api.POST('/api/v1/customers/{customer}/webhooks/{webhook}/secret', { ...at(turned!), body: { overlap_hours: 24 } })));
    await again();
  };
  const test = async (w: Webhook) => {
    try {
      await must(api.POST('/api/v1/customers/{customer}/webhooks/{webhook}/test', at(w)));
    } catch {
      return toast('The test message could not be sent. Is the webhook switched on?', 'bad');
    }
    toast('A test message is on its way.');
    onShow(w.id);
    await again();
  };
  return (
    <>
      <Table.ScrollContainer minWidth={680}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Last arrived</Table.Th>
              <Table.Th ta="right">Waiting</Table.Th>
              <Table.Th ta="right">Given up</Table.Th>
              <Table.Th><span className="sr">Actions</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((w) => (
              <Table.Tr key={w.id}>
                <Table.Td>
                  <Text fw={550}>{w.name}</Text>
                  <Text size="xs" c="dimmed" style={{ wordBreak: 'break-all' }}>{w.url}</Text>
                </Table.Td>
                <Table.Td>
                  <Standing of={w} />
                  {(w.reason || (w.failing_since && w.last_answer)) && <Text size="xs" c="dimmed" maw={260}>{w.reason || w.last_answer}</Text>}
                </Table.Td>
                <Table.Td title={exact(w.delivered_at)}>{ago(w.delivered_at)}</Table.Td>
                <Table.Td ta="right" className="num">{w.waiting}</Table.Td>
                <Table.Td ta="right" className="num">{w.dead}</Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    <Button size="compact-sm" variant="default" onClick={() => onShow(w.id)} aria-label={`Messages of ${w.name}`}>Messages</Button>
                    <Menu position="bottom-end">
                      <Menu.Target>
                        <Button size="compact-sm" variant="default" aria-label={`More about ${w.name}`}>More</Button>
                      </Menu.Target>
                      <Menu.Dropdown>
                        <Menu.Item onClick={() => void test(w)} disabled={w.state !== 'active'}>Send a test message</Menu.Item>
                        <Menu.Item onClick={() => onForm(w)}>Change, pause or switch on</Menu.Item>
                        <Menu.Item onClick={() => setTurned(w)}>New secret</Menu.Item>
                        <Menu.Item color="red" onClick={() => setGone(w)}>Remove</Menu.Item>
                      </Menu.Dropdown>
                    </Menu>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Remove ${gone?.name}?`} act="Remove the webhook" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        It is told nothing any more, and what waits for it is forgotten.
      </Confirm>
      <Confirm title={`A new secret for ${turned?.name}?`} act="Make a new secret" opened={turned !== null} onClose={() => setTurned(null)} onConfirm={rotate}>
        For 24 hours messages are signed with both secrets, so that the receiver can change over without losing one.
      </Confirm>
    </>
  );
}
