import { Button, Group, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import { moment } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { links, topic, type Link, type Provider } from './queries';

/** Links: who waits to be recognised, and who is. */
export function Links({ customer, providers }: { customer: string; providers: Provider[] }) {
  const query = useQuery(links(customer));
  const name = (id: string) => providers.find((p) => p.id === id)?.name ?? '';
  return (
    <Answered query={query} rows={2}>
      {({ items }) => {
        const waiting = items.filter((l) => l.state === 'waiting');
        const known = items.filter((l) => l.state !== 'waiting');
        return (
          <>
            {waiting.length > 0 && (
              <Card title="Is this the same person?" about="They signed in at a provider and seem to be a member. An address proves nothing: confirm it only if you know." flush>
                <List customer={customer} items={waiting} name={name} />
              </Card>
            )}
            {known.length > 0 && (
              <Card title="Linked people" about="What a provider calls each member. Taken away, the next sign-in has to be confirmed again." flush>
                <List customer={customer} items={known} name={name} />
              </Card>
            )}
          </>
        );
      }}
    </Answered>
  );
}

function List({ customer, items, name }: { customer: string; items: Link[]; name: (id: string) => string }) {
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Member</Table.Th>
            <Table.Th>At the provider</Table.Th>
            <Table.Th>Last signed in</Table.Th>
            <Table.Th><span className="sr">Change</span></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{items.map((l) => <Row key={l.id} customer={customer} of={l} provider={name(l.provider_id)} />)}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ customer, of: l, provider }: { customer: string; of: Link; provider: string }) {
  const client = useQueryClient();
  const at = { params: { path: { customer, link: l.id } } };
  const done = (text: string) => async () => {
    toast(text);
    await client.invalidateQueries({ queryKey: here(customer, topic) });
  };
  const confirm = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/identity-links/{link}/confirm', at)), onSuccess: done('Confirmed. They can sign in now.') });
  const remove = useMutation({ mutationFn: () => must(api.DELETE('/api/v1/customers/{customer}/identity-links/{link}', at)), onSuccess: done('The link was taken away.') });
  const error = confirm.error ?? remove.error;
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={550}>{l.member || l.name}</Text>
        {l.state === 'dormant' && <Text size="xs" c="dimmed">no role at the last sign-in</Text>}
        {l.cause === 'subject' && <Text size="xs" c="dimmed">was known by another subject before</Text>}
      </Table.Td>
      <Table.Td>
        <Text size="sm">{[l.name, l.email].filter(Boolean).join(' · ')}</Text>
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{provider}: {l.subject}</Text>
      </Table.Td>
      <Table.Td>{l.seen_at ? moment(l.seen_at) : '–'}</Table.Td>
      <Table.Td>
        <Group gap={6} justify="flex-end" wrap="nowrap">
          {l.state === 'waiting' && <Button size="compact-sm" loading={confirm.isPending} onClick={() => confirm.mutate()} aria-label={`Confirm ${l.member}`}>Confirm</Button>}
          <Button size="compact-sm" variant="default" loading={remove.isPending} onClick={() => remove.mutate()} aria-label={`${l.state === 'waiting' ? 'Refuse' : 'Unlink'} ${l.member || l.name}`}>{l.state === 'waiting' ? 'Refuse' : 'Unlink'}</Button>
        </Group>
        {error != null && <Failed error={error} />}
      </Table.Td>
    </Table.Tr>
  );
}
