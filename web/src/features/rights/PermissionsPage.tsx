import { Alert, Badge, Button, Group, List, Select, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay, usePlace } from '../../api/me';
import { roleName } from '../../api/roles';
import type { components } from '../../api/schema';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { members } from '../settings/queries';
import { permissions } from './queries';

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

function Policy({ table, held }: { table: Permissions; held: string[] }) {
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
  const [form, setForm] = useState({ person: null as string | null, act: 'recording.listen' as string | null, recording: '' });
  const ask = useMutation({
    mutationFn: () => must(api.GET('/api/v1/customers/{customer}/why', { params: { path: { customer }, query: { person: form.person ?? '', act: form.act ?? '', recording: form.recording.trim() || undefined } } })),
  });
  const p = ask.error instanceof Problem ? ask.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate();
  };
  return (
    <Card title="Why?" about="To everybody whom it does not concern, what is forbidden looks like what does not exist. You can ask what is behind it.">
      <form onSubmit={submit}>
        <Group align="flex-end" gap="sm">
          <Select label="Person" searchable required style={{ flex: '1 1 220px' }} data={(list.data?.items ?? []).map((m) => ({ value: m.person_id, label: `${m.name} (${m.email})` }))} value={form.person} onChange={(person) => setForm({ ...form, person })} error={p?.about('query.person')} />
          <Select label="Act" searchable required style={{ flex: '1 1 220px' }} data={table.acts.map((a) => ({ value: a.act, label: a.meaning }))} value={form.act} onChange={(act) => setForm({ ...form, act })} error={p?.about('query.act')} />
          <TextInput label="Recording" placeholder="rec_… or empty" style={{ flex: '1 1 200px' }} value={form.recording} onChange={(e) => setForm({ ...form, recording: e.currentTarget.value })} />
          <Button type="submit" loading={ask.isPending} disabled={!form.person || !form.act}>Ask</Button>
        </Group>
      </form>
      {ask.error != null && !p?.faults.length && <Failed error={ask.error} />}
      {ask.data && <Answer why={ask.data} />}
    </Card>
  );
}

function Answer({ why }: { why: components['schemas']['Why'] }) {
  return (
    <Alert mt="md" role="status" color={why.allowed ? 'pine' : 'red'} variant="light" icon={<Icon name={why.allowed ? 'check' : 'lock'} />} title={`${why.person} ${why.allowed ? 'may' : 'may not'} ${why.meaning}`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      {why.findings.length === 0 && <Text size="sm">Holds no role here.</Text>}
      <List size="sm" spacing={4}>
        {why.findings.map((f) => (
          <List.Item key={f.role}>
            <Badge mr={6} color={f.allowed ? 'pine' : 'gray'}>{roleName(f.role)}</Badge>
            {f.text}
          </List.Item>
        ))}
      </List>
      {!why.allowed && why.missing.length > 0 && <Text size="sm" mt="xs">Any of these roles would allow it: {why.missing.map(roleName).join(', ')}.</Text>}
    </Alert>
  );
}
