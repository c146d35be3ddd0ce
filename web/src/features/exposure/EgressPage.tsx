import { Button, Center, Table, Text, Tooltip } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, here, must } from '../../api/client';
import { bytes, exact, moment } from '../../ui/format';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';

const route = getRouteApi('/in/c/$customer/egress');

/** EgressPage is the ledger of what left the host: never what was in it. */
export function EgressPage() {
  const { customer } = route.useParams();
  const ledger = useInfiniteQuery({
    queryKey: here(customer, 'egress'),
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/egress', { params: { path: { customer }, query: { cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });
  return (
    <Page wide title="What left the host" about="One line for each request that carried something of yours to another machine: to whom, why, how much and a fingerprint of it. Never what was in it.">
      <div className="card">
        <Answered query={ledger}>
          {(data) => {
            const rows = data.pages.flatMap((p) => p.items);
            if (rows.length === 0) return <Empty icon="lock" title="Nothing has left">No engine outside the host has been used for this customer.</Empty>;
            return (
              <Table.ScrollContainer minWidth={780}>
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>When</Table.Th>
                      <Table.Th>To</Table.Th>
                      <Table.Th>Purpose</Table.Th>
                      <Table.Th ta="right">Sent</Table.Th>
                      <Table.Th>Fingerprint</Table.Th>
                      <Table.Th>Answer</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {rows.map((r, i) => (
                      <Table.Tr key={i}>
                        <Table.Td className="num" title={exact(r.at)}>{moment(r.at)}</Table.Td>
                        <Table.Td>
                          {r.host}
                          <Text size="xs" c="dimmed">{r.engine}</Text>
                        </Table.Td>
                        <Table.Td>{r.purpose}</Table.Td>
                        <Table.Td ta="right" className="num">{bytes(r.bytes)}</Table.Td>
                        <Table.Td>
                          <Tooltip label={r.sha256}><span className="mono" tabIndex={0}>{r.sha256.slice(0, 12)}…</span></Tooltip>
                        </Table.Td>
                        <Table.Td>{r.answer}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            );
          }}
        </Answered>
      </div>
      {ledger.hasNextPage && (
        <Center py="md">
          <Button variant="default" loading={ledger.isFetchingNextPage} onClick={() => void ledger.fetchNextPage()}>Load more</Button>
        </Center>
      )}
    </Page>
  );
}
