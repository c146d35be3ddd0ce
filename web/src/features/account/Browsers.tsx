import { Button, Table, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { api, must } from '../../api/client';
import { ago, browser, exact, moment } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { toast } from '../../ui/toast';
import { browsers, factors, useChanged } from './queries';

/** Browsers are those in which the password alone is enough for a while. */
export function Browsers() {
  const query = useQuery(browsers);
  const days = useQuery(factors).data?.device_days;
  const changed = useChanged();
  const forget = useMutation({
    mutationFn: (id: string) => must(api.DELETE('/api/v1/me/browsers/{browser}', { params: { path: { browser: id } } })),
    onSuccess: () => {
      toast('That browser is not remembered any more.');
      return changed();
    },
    onError: () => toast('The browser could not be forgotten. Try again.', 'bad'),
  });
  const about = days === 0
    ? 'Your organisation, or your role, does not let browsers be remembered.'
    : `In these the second factor is not asked for, for up to ${days ?? 30} days. Dangerous acts ask all the same. A new password or factor ends all of them.`;
  return (
    <Card title="Remembered browsers" about={about} flush>
      <Answered query={query} rows={1}>
        {(data) => data.items.length === 0 ? <Text size="sm" c="dimmed" p="md" pt={0}>None.</Text> : (
          <Table.ScrollContainer minWidth={520}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Browser</Table.Th>
                  <Table.Th>Address</Table.Th>
                  <Table.Th>Last used</Table.Th>
                  <Table.Th>Until</Table.Th>
                  <Table.Th><span className="sr">Forget</span></Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.items.map((b) => (
                  <Table.Tr key={b.id}>
                    <Table.Td title={b.agent}>{browser(b.agent)}</Table.Td>
                    <Table.Td className="mono">{b.address}</Table.Td>
                    <Table.Td title={exact(b.last_used_at)}>{ago(b.last_used_at)}</Table.Td>
                    <Table.Td>{moment(b.until)}</Table.Td>
                    <Table.Td ta="right">
                      <Button size="compact-sm" variant="default" loading={forget.isPending && forget.variables === b.id} onClick={() => forget.mutate(b.id)}>Forget</Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Answered>
    </Card>
  );
}
