import { Anchor, Badge, Button, Group, Modal, Select, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState } from 'react';
import { here } from '../../api/client';
import { count, exact, moment } from '../../ui/format';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { begin, breaches, kinds, type Breach } from './data';

/** BreachesPage lists what may have been in wrong hands. */
export function BreachesPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const [asking, { open, close }] = useDisclosure(false);
  const query = useQuery(breaches(customer));
  return (
    <Page title="Breaches" about="When a session, a token, a device or a key was in wrong hands: what it could have reached, what it did reach, and the notice that the law wants within 72 hours." actions={<Button color="red" onClick={open}>Something was in wrong hands</Button>}>
      <div className="card">
        <Answered query={query}>
          {(data) => data.items.length === 0 ? <Empty icon="shield" title="Nothing is known to have been in wrong hands">The sooner it is written down here, the more of the 72 hours is left.</Empty> : (
            <Table.ScrollContainer minWidth={640}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>What</Table.Th><Table.Th>Between</Table.Th><Table.Th>Aware</Table.Th><Table.Th>Notice</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((b) => (
                    <Table.Tr key={b.id}>
                      <Table.Td><Anchor component={Link} to={`/c/${customer}/breaches/${b.id}`}>{kinds[b.kind]}</Anchor></Table.Td>
                      <Table.Td className="num">{moment(b.from)} – {moment(b.to)}</Table.Td>
                      <Table.Td className="num">{moment(b.aware_at)}</Table.Td>
                      <Table.Td><Hours breach={b} /></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Answered>
      </div>
      <Modal opened={asking} onClose={close} title="Something was in wrong hands" centered closeButtonProps={{ 'aria-label': 'Close' }}>{asking && <Begin customer={customer} done={close} />}</Modal>
    </Page>
  );
}

/** Hours is how much of the 72 hours is left. */
export function Hours({ breach: b }: { breach: Breach }) {
  if (b.closed_at) return <Text size="sm">Closed {moment(b.closed_at)}</Text>;
  const left = dayjs(b.due_at).diff(dayjs(), 'hour');
  return <Badge variant="light" color={left < 0 ? 'red' : left < 24 ? 'orange' : 'gray'} title={`The authority has to know before ${exact(b.due_at)}`}>{left < 0 ? 'The 72 hours are over' : `${count(left, 'hour')} left`}</Badge>;
}

const needsID = (k: Breach['kind']) => k !== 'customer-key' && k !== 'root-key';

function Begin({ customer, done }: { customer: string; done: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [kind, setKind] = useState<Breach['kind']>('session');
  const [subject, setSubject] = useState('');
  const [from, setFrom] = useState(dayjs().subtract(1, 'day').format('YYYY-MM-DDTHH:mm'));
  const [what, setWhat] = useState('');
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    setError(null);
    try {
      const b = await begin(customer, { kind, what, from: dayjs(from).toISOString(), ...(needsID(kind) ? { subject: subject.trim() } : {}) });
      await client.invalidateQueries({ queryKey: here(customer, 'breaches') });
      done();
      await navigate({ to: `/c/${customer}/breaches/${b.id}` });
    } catch (e) {
      setError(e);
    }
  };
  return (
    <form onSubmit={(e) => { e.preventDefault(); void save(); }}>
      <Stack>
        <Select label="What was it" data={Object.entries(kinds).map(([value, label]) => ({ value, label }))} value={kind} onChange={(v) => setKind((v ?? 'session') as Breach['kind'])} allowDeselect={false} />
        {needsID(kind) && <TextInput label="Its id" description="As the change log shows it" value={subject} onChange={(e) => setSubject(e.currentTarget.value)} required />}
        <TextInput type="datetime-local" label="Since when, at the earliest" value={from} onChange={(e) => setFrom(e.currentTarget.value)} required />
        <Textarea label="What happened" value={what} onChange={(e) => setWhat(e.currentTarget.value)} autosize minRows={2} maxLength={4000} />
        <Text size="xs" c="dimmed">The 72 hours run from now; the hour can be put right on the next page.</Text>
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end"><Button variant="default" onClick={done}>Cancel</Button><Button type="submit" color="red">Write it down</Button></Group>
      </Stack>
    </form>
  );
}
