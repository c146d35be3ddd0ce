import { Badge, Button, Group, Table, Text } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import type { MemberSession } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, browser, exact, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';

/** SessionsPage shows where the members of a customer are signed in. */
export function SessionsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const client = useQueryClient();
  const [all, setAll] = useState(false);
  const key = here(customer, 'sessions');
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/sessions', { params: { path: { customer }, query: { cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  const end = useMutation({
    mutationFn: (session: string) => must(api.DELETE('/api/v1/customers/{customer}/sessions/{session}', { params: { path: { customer, session } } })),
    onSuccess: () => {
      toast('That session has ended.');
      return client.invalidateQueries({ queryKey: key });
    },
    onError: () => toast('The session could not be ended. Try again.', 'bad'),
  });
  const out = async () => {
    const { ended } = await must(api.POST('/api/v1/customers/{customer}/sessions/end', { params: { path: { customer } } }));
    toast(`${ended} sessions have ended. Yours stays.`);
    await client.invalidateQueries({ queryKey: key });
  };
  return (
    <Page
      title="Sessions" about="Where members are signed in. Ending one takes effect at once, and for other organisations that the person works for too."
      actions={<Button color="red" variant="light" leftSection={<Icon name="out" size={16} />} onClick={() => setAll(true)}>Sign everybody out</Button>}
    >
      <Card flush>
        <Answered query={query} rows={4}>
          {(data) => {
            const items = data.pages.flatMap((p) => p.items);
            return items.length === 0 ? <Empty icon="people" title="Nobody is signed in" /> : <SessionList items={items} end={end.mutate} busy={end.isPending ? end.variables : undefined} />;
          }}
        </Answered>
      </Card>
      {query.hasNextPage && <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button>}
      <Confirm title="Sign everybody out?" act="Sign everybody out" opened={all} onClose={() => setAll(false)} onConfirm={out}>
        Every session and every remembered browser of every member ends at once, but for this session of yours.
      </Confirm>
    </Page>
  );
}

/** SessionList is a table of browsers, with a button that ends each but the reader's own. */
export function SessionList({ items, end, busy }: { items: MemberSession[]; end: (session: string) => void; busy?: string }) {
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Who</Table.Th>
            <Table.Th>Browser</Table.Th>
            <Table.Th>Signed in</Table.Th>
            <Table.Th>Last seen</Table.Th>
            <Table.Th><span className="sr">End</span></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((s) => (
            <Table.Tr key={s.id}>
              <Table.Td>
                <Group gap="xs"><Text size="sm" fw={550}>{s.name}</Text>{s.current && <Badge>This one</Badge>}</Group>
              </Table.Td>
              <Table.Td title={s.agent}>{browser(s.agent)}</Table.Td>
              <Table.Td title={s.methods.join(', ')}>{moment(s.started_at)}</Table.Td>
              <Table.Td title={exact(s.last_seen_at)}>{ago(s.last_seen_at)}</Table.Td>
              <Table.Td ta="right">
                {!s.current && <Button size="compact-sm" variant="default" loading={busy === s.id} onClick={() => end(s.id)} aria-label={`End the session of ${s.name}`}>End</Button>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
