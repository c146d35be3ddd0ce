import { Anchor, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useMay } from '../../api/me';
import { count, exact } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { pauses, payments } from './queries';

/** PaymentsPage lists payments that can be heard although they should not, and the pauses that were told of. */
export function PaymentsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer);
  const query = useQuery(payments(customer));
  return (
    <Page title="Payments" about="Recordings in which a card number is said or keyed in, although recording should have been paused.">
      <Answered query={query} rows={4}>
        {(data) => (
          <Stack>
            <Text size="sm">{data.looked === 0 ? 'No recording was looked through yet: switch the scan on under Personal data.' : `${count(data.looked, 'recording')} looked through, a payment in ${count(data.recorded, 'of them', 'of them')}.`}</Text>
            {(data.items ?? []).length > 0 && (
              <Card>
                <Table.ScrollContainer minWidth={520}>
                  <Table>
                    <Table.Thead><Table.Tr><Table.Th>Recording</Table.Th><Table.Th>Said</Table.Th><Table.Th>Keyed in</Table.Th><Table.Th>Pauses taken out</Table.Th><Table.Th>Found</Table.Th></Table.Tr></Table.Thead>
                    <Table.Tbody>
                      {data.items?.map((p) => (
                        <Table.Tr key={p.recording_id}>
                          <Table.Td><Anchor component={Link} to={`/c/${customer}/recordings?open=${p.recording_id}`} size="sm">{exact(p.started_at)}</Anchor></Table.Td>
                          <Table.Td>{p.spoken}</Table.Td><Table.Td>{p.keyed}</Table.Td><Table.Td>{p.paused}</Table.Td><Table.Td>{exact(p.found_at)}</Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
              </Card>
            )}
            {may('pause.note') && <Pauses customer={customer} />}
          </Stack>
        )}
      </Answered>
    </Page>
  );
}

function Pauses({ customer }: { customer: string }) {
  const query = useQuery(pauses(customer));
  return (
    <Answered query={query} rows={2}>
      {(data) => (
        <Card>
          <Text fw={600} mb="xs">Pauses</Text>
          {(data.items ?? []).length === 0 && <Text size="sm" c="dimmed">None was told of. A telephone system or a payment page tells of them with POST /pauses.</Text>}
          {(data.items ?? []).map((p) => (
            <Text key={p.id} size="sm">{exact(p.from)} to {p.to ? exact(p.to) : 'still open'}, by {p.by}: taken out of {count(p.applied, 'recording')}</Text>
          ))}
        </Card>
      )}
    </Answered>
  );
}
