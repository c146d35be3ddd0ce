import { Button, Group, Table, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, must } from '../../api/client';
import { capital, exact, moment, words } from '../../ui/format';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { NodeHead } from './NodeHead';

const route = getRouteApi('/in/n/$node/log');

/** NodeLogPage is what was done to organisations; what customers do stands in their own logs. */
export function NodeLogPage() {
  const { node } = route.useParams();
  const list = useInfiniteQuery({
    queryKey: ['node', node, 'events'],
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/nodes/{node}/events', { params: { path: { node }, query: { cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  return (
    <>
      <NodeHead node={node} page="Change log" />
      <Page title="Change log" about="What was done to this node and those below it. What customers do stands in their own change logs, which nobody above reads.">
        <Answered query={list}>
          {(data) => {
            const items = data.pages.flatMap((p) => p.items);
            if (items.length === 0) return <div className="card"><Empty icon="history" title="Nothing yet" /></div>;
            return (
              <>
                <div className="card">
                  <Table.ScrollContainer minWidth={640}>
                    <Table>
                      <Table.Thead>
                        <Table.Tr>
                          <Table.Th>When</Table.Th>
                          <Table.Th>What</Table.Th>
                          <Table.Th>Who</Table.Th>
                        </Table.Tr>
                      </Table.Thead>
                      <Table.Tbody>
                        {items.map((e) => (
                          <Table.Tr key={e.id}>
                            <Table.Td className="num" title={exact(e.at)}>{moment(e.at)}</Table.Td>
                            <Table.Td>
                              <Text size="sm">{capital(e.meaning)}</Text>
                              <Text size="xs" c="dimmed">{[e.why, ...Object.entries(e.facts).filter(([k, v]) => v && !['session', 'parent', 'node'].includes(k)).map(([k, v]) => `${words(k)}: ${k === 'role' ? words(v) : v}`)].filter(Boolean).join(' · ')}</Text>
                            </Table.Td>
                            <Table.Td>{e.actor.name || (e.actor.kind === 'system' ? 'Ringfence itself' : e.actor.id)}</Table.Td>
                          </Table.Tr>
                        ))}
                      </Table.Tbody>
                    </Table>
                  </Table.ScrollContainer>
                </div>
                {list.hasNextPage && (
                  <Group justify="center" mt="md">
                    <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show older</Button>
                  </Group>
                )}
              </>
            );
          }}
        </Answered>
      </Page>
    </>
  );
}
