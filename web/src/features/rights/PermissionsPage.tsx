import { Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, must } from '../../api/client';
import { useMay, usePlace } from '../../api/me';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Card, Page } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { members } from '../settings/queries';
import { permissions } from './queries';
import { Why } from './Why';

type Permissions = components['schemas']['Permissions'];

/** PermissionsPage is the whole policy, with what the reader holds marked, and the answer to "why?". */
export function PermissionsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer);
  const query = useQuery(permissions);
  const held = usePlace(customer)?.roles ?? [];
  return (
    <Page title="Who may do what" about="One table decides: a role either reaches an act here or it does not. What is not in the table is refused.">
      {may('member.read') && query.data && <Ask customer={customer} table={query.data} />}
      <Answered query={query}>{(data) => <Policy table={data} held={held} />}</Answered>
    </Page>
  );
}

/** Policy is the table; the reader's own roles are marked. */
export function Policy({ table, held }: { table: Permissions; held: string[] }) {
  return (
    <Card title="The table" about="Your own roles are marked. “Own calls” are those of your extensions while they were yours; “within the scope” is what a supervisor was given." flush>
      <Table.ScrollContainer minWidth={1100} tabIndex={0} role="region" aria-label="Acts and roles" scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': 'Who may do what' } }}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Act</Table.Th>
              {table.roles.map((r) => (
                <Table.Th key={r} style={held.includes(r) ? { background: 'var(--mantine-color-pine-light)' } : undefined}>
                  {roleName(r)}{held.includes(r) && <Text size="xs" fw={650}>yours</Text>}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {table.acts.map((a) => (
              <Table.Tr key={a.act}>
                <Table.Th scope="row" style={{ fontWeight: 400 }}>
                  <Text size="sm">{a.meaning}</Text>
                  <Text size="xs" c="dimmed">{a.act}{a.content ? ' · opens what was said' : ''}</Text>
                </Table.Th>
                {table.roles.map((r) => (
                  <Table.Td key={r} style={held.includes(r) ? { background: 'var(--mantine-color-pine-light)' } : undefined}>
                    {a.roles[r] ? <Text size="sm">{a.roles[r]}</Text> : <Text size="sm" c="dimmed"><span aria-hidden>–</span><span className="sr">no</span></Text>}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

function Ask({ customer, table }: { customer: string; table: Permissions }) {
  const list = useQuery(members(customer));
  return (
    <Why
      people={(list.data?.items ?? []).map((m) => ({ id: m.person_id, name: m.name, email: m.email }))} acts={table.acts} first="recording.listen" recordings
      ask={({ person, act, recording }) => must(api.GET('/api/v1/customers/{customer}/why', { params: { path: { customer }, query: { person, act, recording: recording || undefined } } }))}
    />
  );
}
