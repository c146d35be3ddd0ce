import { Alert, Anchor, Badge, Button, Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState } from 'react';
import { here } from '../../api/client';
import { Confirm } from '../../ui/Confirm';
import { count, exact, moment } from '../../ui/format';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { breach, change, kinds, notice, paper, report, type Breach, type Change, type Report } from './data';
import { Hours } from './BreachesPage';

/** BreachPage is one breach: its clock, what was within reach, what was opened, and the notices. */
export function BreachPage() {
  const { customer, breach: id } = useParams({ from: '/in/c/$customer/breaches/$breach' });
  const query = useQuery(breach(customer, id));
  const counted = useQuery(report(customer, id));
  return (
    <Answered query={query}>
      {(b) => (
        <Page wide title={`${kinds[b.kind]} in wrong hands`} about={<Group gap="xs"><Hours breach={b} /><Text span size="sm">the authority has to know before {exact(b.due_at)}</Text></Group>} actions={<Anchor component={Link} to={`/c/${customer}/breaches`} size="sm">All breaches</Anchor>}>
          <Answered query={counted}>{(r) => <Reached customer={customer} r={r} />}</Answered>
          <Story customer={customer} b={b} />
          <Notices customer={customer} b={b} />
          {counted.data && <Timeline r={counted.data} />}
        </Page>
      )}
    </Answered>
  );
}

function Reached({ customer, r }: { customer: string; r: Report }) {
  return (
    <Card title="What was within reach" about="By the rights of that time; what was opened, by the receipts that are written before any key is used. Persons are counted by numbers and extensions, without anything being opened for it.">
      <SimpleGrid cols={{ base: 1, sm: 2 }} mb="sm">
        <Figure label="Could have reached" recordings={r.could.recordings} persons={r.could.persons} />
        <Figure label="Did open" recordings={r.did.recordings} persons={r.did.persons} extra={`${count(r.receipts, 'receipt')} in all, lists among them`} />
      </SimpleGrid>
      <ul style={{ margin: 0, paddingLeft: 18 }}>{r.rights.map((x) => <li key={x}><Text size="sm">{x}</Text></li>)}</ul>
      {r.opened.length > 0 && (
        <Table.ScrollContainer minWidth={560} mt="sm">
          <Table>
            <Table.Thead><Table.Tr><Table.Th>First</Table.Th><Table.Th>Recording</Table.Th><Table.Th>How</Table.Th><Table.Th>Purpose stated</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {r.opened.slice(0, 200).map((o) => (
                <Table.Tr key={o.recording_id}>
                  <Table.Td className="num">{moment(o.first_at)}</Table.Td>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}><LinkAnchor to="/c/$customer/recordings" params={{ customer }} search={{ open: o.recording_id } as never} size="sm">{o.recording_id}</LinkAnchor></Table.Td>
                  <Table.Td>{o.ways.join(', ')}</Table.Td>
                  <Table.Td>{o.purpose || '–'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {(r.cut || r.opened.length > 200) && <Alert mt="sm" color="gray" variant="light" styles={{ message: { color: 'var(--mantine-color-text)' } }}>There is more than is listed here; the page Receipts has everything.</Alert>}
    </Card>
  );
}

function Figure({ label, recordings, persons, extra }: { label: string; recordings: number; persons: number; extra?: string }) {
  return (
    <div>
      <Text size="sm" c="dimmed">{label}</Text>
      <Text fw={650} size="lg" className="num">{count(recordings, 'recording')}</Text>
      <Text size="sm">about {count(persons, 'person', 'persons')}</Text>
      {extra && <Text size="xs" c="dimmed">{extra}</Text>}
    </div>
  );
}

const local = (at: string) => dayjs(at).format('YYYY-MM-DDTHH:mm');

function Story({ customer, b }: { customer: string; b: Breach }) {
  const client = useQueryClient();
  const [v, setV] = useState<Change>({ from: b.from, to: b.to, aware_at: b.aware_at, what: b.what, consequences: b.consequences, measures: b.measures, contact: b.contact, outcome: b.outcome, closed: false });
  const [closing, setClosing] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ended = !!b.closed_at;
  const save = async (more: Partial<Change>) => {
    await change(customer, b.id, { ...v, ...more });
    await client.invalidateQueries({ queryKey: here(customer, 'breaches') });
  };
  const at = (key: 'from' | 'to' | 'aware_at', label: string) => (
    <TextInput type="datetime-local" label={label} value={local(v[key])} disabled={ended} onChange={(e) => e.currentTarget.value && setV({ ...v, [key]: dayjs(e.currentTarget.value).toISOString() })} />
  );
  const words = (key: 'what' | 'consequences' | 'measures' | 'contact', label: string) => (
    <Textarea label={label} value={v[key]} disabled={ended} autosize minRows={1} maxLength={key === 'contact' ? 500 : 4000} onChange={(e) => setV({ ...v, [key]: e.currentTarget.value })} />
  );
  return (
    <Card title="What is known" about={ended ? `Closed ${moment(b.closed_at)}: ${b.outcome}` : 'It goes into the notices. What is not known yet can follow later (article 33(4)).'}>
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, sm: 3 }}>{at('from', 'In wrong hands from')}{at('to', 'until')}{at('aware_at', 'We became aware')}</SimpleGrid>
        {words('what', 'What happened')}{words('consequences', 'What may follow for the persons')}{words('measures', 'What was done, and is proposed')}{words('contact', 'Contact, such as the data protection officer')}
        {error !== null && <Failed error={error} />}
        {!ended && (
          <Group>
            <Button onClick={() => { setError(null); save({}).then(() => toast('Written down.'), setError); }}>Save</Button>
            <Button variant="default" onClick={() => setClosing(true)}>Close…</Button>
          </Group>
        )}
      </Stack>
      <Confirm opened={closing} onClose={() => setClosing(false)} title="Close the breach" act="Close" reason="Were the authority and the persons told, and when; or why not?" onConfirm={(outcome) => save({ outcome, closed: true })}>
        Article 33(5) wants the facts, the effects and what was done written down.
      </Confirm>
    </Card>
  );
}

function Notices({ customer, b }: { customer: string; b: Breach }) {
  const [to, setTo] = useState<'authority' | 'persons'>('authority');
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>(null);
  return (
    <Card title="Notices" about="Drafts: read them, complete what stands as three dots, and send them by your own way.">
      <Stack gap="sm">
        <Group>
          <SegmentedControl value={to} onChange={(v) => { setTo(v === 'persons' ? 'persons' : 'authority'); setText(''); }} data={[{ value: 'authority', label: 'To the authority' }, { value: 'persons', label: 'To the persons' }]} aria-label="To whom" />
          <Button variant="default" onClick={() => { setError(null); notice(customer, b.id, to).then((n) => setText(n.text), setError); }}>Draft</Button>
          <Anchor href={paper(customer, b.id, to)} download size="sm">As PDF</Anchor>
        </Group>
        {error !== null && <Failed error={error} />}
        {text && <Textarea aria-label="Draft of the notice" value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={10} maxRows={30} />}
      </Stack>
    </Card>
  );
}

function Timeline({ r }: { r: Report }) {
  return (
    <Card flush title="Timeline">
      {r.timeline.length === 0 ? <Empty icon="history" title="Nothing was done by it, or to it">The change log has nothing of that time.</Empty> : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th w={170}>When</Table.Th><Table.Th>What</Table.Th><Table.Th>About</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {r.timeline.map((m, i) => (
                <Table.Tr key={`${m.at}${i}`}><Table.Td className="num" title={exact(m.at)}>{moment(m.at)}</Table.Td><Table.Td>{m.what} <Badge variant="light" color="gray">{m.code}</Badge></Table.Td><Table.Td style={{ overflowWrap: 'anywhere' }}>{m.subject || '–'}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  );
}
