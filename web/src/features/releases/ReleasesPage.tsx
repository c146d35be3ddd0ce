import { Badge, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, must } from '../../api/client';
import { exact, moment } from '../../ui/format';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { NodeHead } from '../tree/NodeHead';

const route = getRouteApi('/in/n/$node/releases');

/** ReleasesPage is which releases this server holds for boxes, and which boxes below are behind. */
export function ReleasesPage() {
  const { node } = route.useParams();
  const query = useQuery({
    queryKey: ['node', node, 'releases'],
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/releases', { params: { path: { node } } })),
    refetchInterval: 15_000,
  });
  return (
    <>
      <NodeHead node={node} page="Collectors" />
      <Page title="Collectors" about="Which releases this server offers to the boxes beside telephone systems, and what those boxes run. A box takes only what the key's owner has signed.">
        <Answered query={query} rows={5}>
          {(data) => (
            <Stack>
              <SimpleGrid cols={{ base: 1, xs: 3 }}>
                <Figure label="Boxes" value={String(data.boxes)} />
                <Figure label="Behind" value={String(data.behind)} />
                <Figure label="This server" value={data.server} />
              </SimpleGrid>
              <section className="card" aria-labelledby="held">
                <Text id="held" component="h2" fw={600} p="md">Releases held</Text>
                {data.held.length === 0 ? (
                  <Empty icon="device" title="No release is held">Put a file such as ringfence-{data.server}-linux-amd64 and its signature into the folder of releases (releases.folder).</Empty>
                ) : (
                  <Table.ScrollContainer minWidth={560}>
                    <Table>
                      <Table.Thead>
                        <Table.Tr><Table.Th>Release</Table.Th><Table.Th>Platform</Table.Th><Table.Th>Size</Table.Th><Table.Th>Since</Table.Th><Table.Th>State</Table.Th></Table.Tr>
                      </Table.Thead>
                      <Table.Tbody>
                        {data.held.map((h) => (
                          <Table.Tr key={h.release + h.platform}>
                            <Table.Td fw={550} className="num">{h.release}</Table.Td>
                            <Table.Td>{h.platform}</Table.Td>
                            <Table.Td className="num">{h.megabytes} MiB</Table.Td>
                            <Table.Td title={exact(h.since)}>{moment(h.since)}</Table.Td>
                            <Table.Td>{h.offered ? <Badge>Offered</Badge> : <Text size="sm">Not offered: {h.problem}</Text>}</Table.Td>
                          </Table.Tr>
                        ))}
                      </Table.Tbody>
                    </Table>
                  </Table.ScrollContainer>
                )}
              </section>
              <section className="card" aria-labelledby="fleet">
                <Text id="fleet" component="h2" fw={600} p="md">Boxes by release</Text>
                {data.fleet.length === 0 ? (
                  <Empty icon="device" title="No box yet">Customers name collectors on their page Collectors.</Empty>
                ) : (
                  <Table.ScrollContainer minWidth={560}>
                    <Table>
                      <Table.Thead>
                        <Table.Tr><Table.Th>Customer</Table.Th><Table.Th>Release</Table.Th><Table.Th>Platform</Table.Th><Table.Th>Boxes</Table.Th><Table.Th>State</Table.Th></Table.Tr>
                      </Table.Thead>
                      <Table.Tbody>
                        {data.fleet.map((f) => (
                          <Table.Tr key={f.customer_id + f.release + f.platform}>
                            <Table.Td fw={550}>{f.customer}</Table.Td>
                            <Table.Td className="num">{f.release || 'before 0.4'}</Table.Td>
                            <Table.Td>{f.platform || '–'}</Table.Td>
                            <Table.Td className="num">{f.boxes}</Table.Td>
                            <Table.Td>{f.behind ? <Badge color="orange">Behind{f.newest ? `: ${f.newest} is offered` : ''}</Badge> : <Badge>Current</Badge>}</Table.Td>
                          </Table.Tr>
                        ))}
                      </Table.Tbody>
                    </Table>
                  </Table.ScrollContainer>
                )}
              </section>
              <Text size="sm" c="dimmed">
                {data.keys.length === 0
                  ? 'This server knows no key for releases, so it offers none: set releases.public_keys.'
                  : `Signed with ${data.keys.join(', ')}. A box pins the keys when it is enrolled.`}
              </Text>
            </Stack>
          )}
        </Answered>
      </Page>
    </>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <div className="card">
      <Stack gap={2} p="md">
        <Text size="sm" c="dimmed">{label}</Text>
        <Text fz={26} fw={650} className="num">{value}</Text>
      </Stack>
    </div>
  );
}
