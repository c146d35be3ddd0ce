import { Anchor, Badge, Button, Center, Group, Modal, SegmentedControl, Select, Stack, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState } from 'react';
import { here } from '../../api/client';
import { count, exact, moment } from '../../ui/format';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { Closed } from './Closed';
import { begin, lastDay, nobody, requests, rights, states, stores, type Identifiers, type Request, type Right } from './data';

/** RequestsPage lists who asked what is kept of them, and by when the law wants an answer. */
export function RequestsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const [which, setWhich] = useState('open');
  const [asking, { open, close }] = useDisclosure(false);
  const list = useInfiniteQuery(requests(customer, which === 'open'));
  return (
    <Page
      wide title="Person requests" about="A person asks what is kept of them, to have it put right, erased, only stored, handed over, or not processed. The law gives a month."
      actions={<Button onClick={open}>New request</Button>}
    >
      <SegmentedControl mb="sm" value={which} onChange={setWhich} data={[{ value: 'open', label: 'To be answered' }, { value: 'all', label: 'All' }]} aria-label="Which requests" />
      <div className="card">
        <Answered query={list}>
          {(data) => {
            const rows = data.pages.flatMap((p) => p.items);
            return rows.length === 0 ? <Empty icon="person" title={which === 'open' ? 'Nobody waits for an answer' : 'Nobody has asked yet'}>A request can come by any way: by telephone, by letter, to anybody in the organisation. Open it here when it arrives.</Empty> : <Rows rows={rows} customer={customer} />;
          }}
        </Answered>
      </div>
      {list.hasNextPage && <Center py="md"><Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Load more</Button></Center>}
      <Closed customer={customer} />
      <Modal opened={asking} onClose={close} title="New request" size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>{asking && <Begin customer={customer} done={close} />}</Modal>
    </Page>
  );
}

/** left says how much of the law's time is left, and how urgent that is. */
export function Left({ request: r }: { request: Request }) {
  if (r.ended_at) return <Text size="sm">{r.state === 'refused' ? 'Refused' : 'Answered'} {moment(r.ended_at)}</Text>;
  const days = Math.ceil(dayjs(r.due_at).diff(dayjs(), 'hour') / 24);
  const color = days <= 0 ? 'red' : days <= 7 ? 'orange' : 'gray';
  return <Badge color={color} variant="light" title={`To be answered by the end of ${lastDay(r)}`}>{days <= 0 ? 'Late' : `${count(days, 'day')} left`}</Badge>;
}

function Rows({ rows, customer }: { rows: Request[]; customer: string }) {
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Person</Table.Th><Table.Th>Right</Table.Th><Table.Th>Received</Table.Th><Table.Th>Time</Table.Th><Table.Th>State</Table.Th><Table.Th>Found</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {rows.map((r) => (
            <Table.Tr key={r.id}>
              <Table.Td><Anchor component={Link} to={`/c/${customer}/requests/${r.id}`}>{r.name || 'Unnamed'}</Anchor></Table.Td>
              <Table.Td>{rights[r.right]}</Table.Td>
              <Table.Td className="num" title={exact(r.received_at)}>{moment(r.received_at)}</Table.Td>
              <Table.Td><Left request={r} /></Table.Td>
              <Table.Td>{states[r.state]}</Table.Td>
              <Table.Td className="num">{r.found}{r.undecided > 0 && <Text span size="xs" c="dimmed"> · {r.undecided} to decide</Text>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const fields = [
  { key: 'numbers', label: 'Telephone numbers', hint: 'In any writing' }, { key: 'emails', label: 'E-mail addresses', hint: '' }, { key: 'names', label: 'Names', hint: 'As they are written or said' },
  { key: 'accounts', label: 'Account and customer numbers', hint: 'As they are written or spoken' }, { key: 'extensions', label: 'Extensions', hint: 'Of somebody who works here' }, { key: 'ids', label: 'Ids of members', hint: 'They begin with per_' },
] as const;

/** IdentifierFields are what a person is known by; each is entered with Enter. */
export function IdentifierFields({ value, onChange }: { value: Identifiers; onChange: (v: Identifiers) => void }) {
  return fields.map((f) => (
    <TagsInput key={f.key} label={f.label} description={f.hint || undefined} value={value[f.key] ?? []} onChange={(list) => onChange({ ...value, [f.key]: list })} acceptValueOnBlur maxTags={30} />
  ));
}

function Begin({ customer, done }: { customer: string; done: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [right, setRight] = useState<Right>('access');
  const [name, setName] = useState('');
  const [received, setReceived] = useState(dayjs().format('YYYY-MM-DD'));
  const [ids, setIds] = useState<Identifiers>(nobody);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const where = useQuery(stores(customer));
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      const today = received === dayjs().format('YYYY-MM-DD');
      const r = await begin(customer, { right, name: name.trim(), identifiers: ids, ...(today ? {} : { received_at: dayjs(received).hour(12).toISOString() }) });
      await client.invalidateQueries({ queryKey: here(customer, 'requests') });
      done();
      await navigate({ to: `/c/${customer}/requests/${r.id}` });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
      <Stack>
        <Select label="What they ask for" data={Object.entries(rights).map(([value, label]) => ({ value, label }))} value={right} onChange={(v) => setRight((v ?? 'access') as Right)} allowDeselect={false} />
        <TextInput label="Name" description="As letters address them; it is not searched for by itself" value={name} onChange={(e) => setName(e.currentTarget.value)} maxLength={200} data-autofocus />
        <TextInput type="date" label="When the request arrived" description="The month runs from this day" value={received} max={dayjs().format('YYYY-MM-DD')} onChange={(e) => setReceived(e.currentTarget.value)} required />
        <IdentifierFields value={ids} onChange={setIds} />
        <Text size="xs" c="dimmed">Looked through: {where.data?.stores.map((s) => s.title).join(', ') ?? '…'}. Each transcript that is opened for it leaves a receipt.</Text>
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end"><Button variant="default" onClick={done}>Cancel</Button><Button type="submit" loading={busy}>Open and search</Button></Group>
      </Stack>
    </form>
  );
}
