import { Alert, Anchor, Badge, Button, Center, Checkbox, Group, Modal, NumberInput, Select, Stack, Table, Text, TextInput, Textarea } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { here } from '../../api/client';
import { Confirm } from '../../ui/Confirm';
import { count, moment } from '../../ui/format';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import * as data from './data';
import type { Find, Ground, Request } from './data';
import { PackProgress } from './PackProgress';
import { PersonPseudonyms } from '../pseudonyms/PersonPseudonyms';
import { IdentifierFields, Left } from './RequestsPage';

/** RequestPage is one request: whom it is about, what was found, what is done with it, and the answer. */
export function RequestPage() {
  const { customer, request } = useParams({ from: '/in/c/$customer/requests/$request' });
  const query = useQuery(data.request(customer, request));
  return <Answered query={query}>{(r) => <Case customer={customer} r={r} />}</Answered>;
}

function useAct(customer: string, request: string) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const act = async (what: () => Promise<unknown>, said?: string) => {
    setError(null);
    try {
      await what();
      if (said) toast(said);
      // The request first: what is not shown of it any more is not asked for again.
      await client.invalidateQueries({ queryKey: here(customer, 'requests', request), exact: true });
      await new Promise((drawn) => setTimeout(drawn));
      await client.invalidateQueries({ queryKey: here(customer, 'requests') });
      return true;
    } catch (e) {
      setError(e);
      return false;
    }
  };
  return { error, act };
}

function Case({ customer, r }: { customer: string; r: Request }) {
  const ended = !!r.ended_at;
  return (
    <Page
      wide title={`${data.rights[r.right]}: ${r.name || 'unnamed'}`}
      about={<Group gap="xs"><Left request={r} /><Text span size="sm">received {moment(r.received_at)} · answer by the end of {data.lastDay(r)}</Text>{r.extended && <Badge variant="light">Two months longer</Badge>}</Group>}
      actions={<Anchor component={Link} to={`/c/${customer}/requests`} size="sm">All requests</Anchor>}
    >
      {r.state === 'too-wide' && <Alert color="orange" variant="light" mb="md" title="This fits nearly everybody" styles={{ message: { color: 'var(--mantine-color-text)' } }}>{r.search_notes.join(' ')}</Alert>}
      {r.state === 'open' && r.search_notes.length > 0 && <Alert color="gray" variant="light" mb="md" title="What the search says" styles={{ message: { color: 'var(--mantine-color-text)' } }}>{r.search_notes.join(' ')}</Alert>}
      <Who customer={customer} r={r} ended={ended} />
      <Finds customer={customer} r={r} ended={ended} />
      <Acts customer={customer} r={r} />
      {r.state === 'open' && r.confirmed > 0 && r.undecided === 0 && <PersonPseudonyms customer={customer} request={r.id} />}
      <Answer customer={customer} r={r} ended={ended} />
    </Page>
  );
}

function Who({ customer, r, ended }: { customer: string; r: Request; ended: boolean }) {
  const { error, act } = useAct(customer, r.id);
  const [proof, setProof] = useState(r.proof);
  const [notes, setNotes] = useState(r.notes);
  const [ids, setIds] = useState<data.Identifiers | null>(null);
  const known = Object.values(r.identifiers).flat().join(', ');
  return (
    <Card title="Who it is" about="Make sure that the person is who they say, before anything is handed over or erased: an answer to somebody else is a breach." actions={!ended && <Button variant="default" size="xs" onClick={() => setIds(r.identifiers)}>Search again</Button>}>
      <Stack gap="sm">
        <Text size="sm">Looked for: {known}</Text>
        <Textarea label="How it was made sure" value={proof} onChange={(e) => setProof(e.currentTarget.value)} autosize minRows={1} maxLength={1000} disabled={ended} />
        <Textarea label="Notes" value={notes} onChange={(e) => setNotes(e.currentTarget.value)} autosize minRows={1} maxLength={4000} disabled={ended} />
        {error !== null && <Failed error={error} />}
        {!ended && (proof !== r.proof || notes !== r.notes) && <Group><Button size="xs" onClick={() => void act(() => data.identify(customer, r.id, proof, notes), 'Noted.')}>Save</Button></Group>}
      </Stack>
      <Modal opened={ids !== null} onClose={() => setIds(null)} title="Search again" size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
        {ids && (
          <Stack>
            <IdentifierFields value={ids} onChange={setIds} />
            <Text size="xs" c="dimmed">What was decided stays decided.</Text>
            <Group justify="flex-end"><Button onClick={() => void act(() => data.again(customer, r.id, ids)).then((ok) => ok && setIds(null))}>Search</Button></Group>
            {error !== null && <Failed error={error} />}
          </Stack>
        )}
      </Modal>
    </Card>
  );
}

const verdicts = { '': 'To decide', confirmed: 'Theirs', rejected: 'Not theirs' } as const;

function Finds({ customer, r, ended }: { customer: string; r: Request; ended: boolean }) {
  const { error, act } = useAct(customer, r.id);
  const list = useInfiniteQuery(data.finds(customer, r.id));
  const [picked, setPicked] = useState<string[]>([]);
  const [keeping, setKeeping] = useState<Find | null>(null);
  const decide = (verdict: 'confirmed' | 'rejected') => void act(() => data.decide(customer, r.id, picked, verdict)).then((ok) => ok && setPicked([]));
  if (r.state === 'searching') return <Card title="Looking through all stores"><Text size="sm" role="status">Cards are read and transcripts are opened; this page shows what is found by itself.</Text></Card>;
  return (
    <Card flush title={`${count(r.found, 'find')}`} about="Two people can have one name, or one telephone: say of each whether it is theirs." actions={!ended && picked.length > 0 && (
      <Group gap="xs"><Button size="xs" onClick={() => decide('confirmed')}>Theirs ({picked.length})</Button><Button size="xs" variant="default" onClick={() => decide('rejected')}>Not theirs</Button></Group>
    )}>
      {error !== null && <Failed error={error} />}
      <Answered query={list}>
        {(pages) => {
          const rows = pages.pages.flatMap((p) => p.items);
          if (rows.length === 0) return <Empty icon="search" title="Nothing was found">Other writings of the name or another number may find more.</Empty>;
          const open = rows.filter((f) => f.outcome !== 'erased').map((f) => f.id);
          return (
            <Table.ScrollContainer minWidth={860}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th w={36}>{!ended && <Checkbox aria-label="All" checked={picked.length === open.length && open.length > 0} indeterminate={picked.length > 0 && picked.length < open.length} onChange={(e) => setPicked(e.currentTarget.checked ? open : [])} />}</Table.Th>
                    <Table.Th>Where</Table.Th><Table.Th>What</Table.Th><Table.Th>Why</Table.Th><Table.Th>When</Table.Th><Table.Th>Theirs?</Table.Th><Table.Th><span className="sr">Keep</span></Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((f) => (
                    <Table.Tr key={f.id}>
                      <Table.Td>{!ended && f.outcome !== 'erased' && <Checkbox aria-label={`Choose ${f.label || f.title}`} checked={picked.includes(f.id)} onChange={(e) => setPicked(e.currentTarget.checked ? [...picked, f.id] : picked.filter((x) => x !== f.id))} />}</Table.Td>
                      <Table.Td>{f.title}</Table.Td>
                      <Table.Td style={{ overflowWrap: 'anywhere' }}>{f.ref.startsWith('rec_') && f.outcome !== 'erased' ? <LinkAnchor to="/c/$customer/recordings" params={{ customer }} search={{ open: f.ref } as never} size="sm">{f.label || 'Recording'}</LinkAnchor> : f.label || <Text span c="dimmed">erased</Text>}{f.role && <Text size="xs" c="dimmed">{f.role}</Text>}</Table.Td>
                      <Table.Td>{f.why.map((w) => <Text key={w} size="xs">{w}</Text>)}{f.kept && <Text size="xs" fw={600}>Kept: {f.kept}</Text>}</Table.Td>
                      <Table.Td className="num">{f.at ? moment(f.at) : '–'}</Table.Td>
                      <Table.Td><Badge variant="light" color={f.outcome === 'erased' ? 'red' : f.verdict === 'confirmed' ? 'pine' : 'gray'}>{f.outcome === 'erased' ? 'Erased' : verdicts[f.verdict]}</Badge></Table.Td>
                      <Table.Td>{!ended && r.right === 'erase' && f.verdict === 'confirmed' && f.outcome !== 'erased' && <Button size="compact-xs" variant="subtle" onClick={() => setKeeping(f)}>{f.ground ? 'Decided' : 'Keep…'}</Button>}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          );
        }}
      </Answered>
      {list.hasNextPage && <Center py="md"><Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Load more</Button></Center>}
      {keeping && <Keep customer={customer} r={r} find={keeping} done={() => setKeeping(null)} />}
    </Card>
  );
}

function Keep({ customer, r, find, done }: { customer: string; r: Request; find: Find; done: () => void }) {
  const grounds = useQuery(data.stores(customer)).data?.grounds ?? {};
  const { error, act } = useAct(customer, r.id);
  const [ground, setGround] = useState<Ground>((find.ground || 'legal-claim') as Ground);
  const [because, setBecause] = useState(find.because);
  return (
    <Modal opened onClose={done} title="Keep it, or erase it all the same" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Select label="Ground" data={[...Object.entries(grounds).map(([value, label]) => ({ value, label })), { value: 'erase', label: 'Erase it, although it would be kept' }]} value={ground} onChange={(v) => setGround((v ?? 'legal-claim') as Ground)} allowDeselect={false} />
        <Textarea label="Because" value={because} onChange={(e) => setBecause(e.currentTarget.value)} required autosize minRows={2} maxLength={1000} />
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end"><Button disabled={because.trim() === ''} onClick={() => void act(() => data.decide(customer, r.id, [find.id], 'confirmed', ground, because)).then((ok) => ok && done())}>Save</Button></Group>
      </Stack>
    </Modal>
  );
}

function Acts({ customer, r }: { customer: string; r: Request }) {
  const acts: Record<data.Right, ReactNode> = {
    access: <Pack customer={customer} r={r} />, portability: <Pack customer={customer} r={r} />, erase: <Erase customer={customer} r={r} />, restrict: <Restrict customer={customer} r={r} />,
    rectify: <Rectify customer={customer} r={r} />, object: <ObjectTo customer={customer} r={r} />,
  };
  if (r.ended_at) return <>{r.restricted > 0 && <Restrict customer={customer} r={r} />}{r.objections.length > 0 && <ObjectTo customer={customer} r={r} />}</>; // what still counts can be ended
  return r.state === 'open' || r.state === 'erasing' ? acts[r.right] : null;
}

function Pack({ customer, r }: { customer: string; r: Request }) {
  const { error, act } = useAct(customer, r.id);
  const [made, setMade] = useState('');
  return (
    <Card title="Hand it over" about="The sound of their side with the other party silent, their words, the calls, and an explanation. It can be taken for seven days by whoever asks for it here; where both parties share one channel there is no sound, and the transcript says so.">
      <Stack gap="sm" align="flex-start">
        {made ? <PackProgress customer={customer} id={made} /> : <Button onClick={() => void act(async () => setMade((await data.pack(customer, r.id)).id))}>Put it together</Button>}
        {error !== null && <Failed error={error} />}
      </Stack>
    </Card>
  );
}

function Erase({ customer, r }: { customer: string; r: Request }) {
  const plan = useQuery(data.plan(customer, r.id));
  const { error, act } = useAct(customer, r.id);
  const [asking, setAsking] = useState(false);
  const [n, setN] = useState<number | string>('');
  if (r.state === 'erasing') return <Card title="Erasing"><Text size="sm" role="status">What was confirmed is being erased. It goes on by itself, also after a restart.</Text></Card>;
  return (
    <Card flush title="The plan" about="What would be erased and what stays, each with its reason. Nothing happens before you confirm.">
      <Answered query={plan} rows={3}>
        {(p) => (
          <Stack gap={0}>
            {p.lines.length > 0 && (
              <Table.ScrollContainer minWidth={640}>
                <Table>
                  <Table.Thead><Table.Tr><Table.Th w={110}>What happens</Table.Th><Table.Th>Where</Table.Th><Table.Th>What</Table.Th><Table.Th>Why it stays</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {p.lines.map((l) => (
                      <Table.Tr key={l.find_id}><Table.Td><Badge variant="light" color={l.erase ? 'red' : 'gray'}>{l.erase ? 'Erase' : 'Keep'}</Badge></Table.Td><Table.Td>{l.title}</Table.Td><Table.Td style={{ overflowWrap: 'anywhere' }}>{l.label || l.ref}</Table.Td><Table.Td>{l.why || '–'}</Table.Td></Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )}
            <Group p="md" justify="space-between">
              <Text size="sm">{p.undecided > 0 ? `${count(p.undecided, 'find')} to decide first.` : `${p.erase} to erase, ${p.keep} to keep.`}</Text>
              <Button color="red" disabled={p.erase === 0 || p.undecided > 0} onClick={() => { setN(''); setAsking(true); }}>Erase {p.erase}…</Button>
            </Group>
            <Modal opened={asking} onClose={() => setAsking(false)} title="Erase for ever" centered closeButtonProps={{ 'aria-label': 'Close' }}>
              <Stack>
                <Text size="sm">The keys are destroyed, in every copy. Nothing brings it back.</Text>
                <NumberInput label={`How many are erased? Type ${p.erase}`} value={n} onChange={setN} min={0} data-autofocus />
                {error !== null && <Failed error={error} />}
                <Group justify="flex-end"><Button variant="default" onClick={() => setAsking(false)}>Cancel</Button><Button color="red" disabled={Number(n) !== p.erase} onClick={() => void act(() => data.erase(customer, r.id, Number(n)), 'Erased.').then((ok) => ok && setAsking(false))}>Erase</Button></Group>
              </Stack>
            </Modal>
          </Stack>
        )}
      </Answered>
      {r.certificates.length > 0 && <Text size="sm" p="md">{count(r.certificates.length, 'certificate')} of what was erased and what was kept, in every store: see the page <Anchor component={Link} to={`/c/${customer}/certificates`} inherit>Certificates</Anchor>.</Text>}
    </Card>
  );
}

function Restrict({ customer, r }: { customer: string; r: Request }) {
  const { error, act } = useAct(customer, r.id);
  const [lifting, setLifting] = useState(false);
  const allowed = useQuery(data.stores(customer)).data?.allowed ?? [];
  return (
    <Card title="Only store it" about={`What is restricted is opened for a purpose that begins with one of these, and for no other: ${allowed.join(', ')}.`}>
      <Group>
        {!r.ended_at && <Button onClick={() => void act(() => data.restrict(customer, r.id), 'Restricted.')}>Restrict what is theirs</Button>}
        {r.restricted > 0 && <><Badge variant="light">{count(r.restricted, 'recording')} restricted</Badge><Button variant="default" onClick={() => setLifting(true)}>Lift…</Button></>}
      </Group>
      {error !== null && <Failed error={error} />}
      <Confirm opened={lifting} onClose={() => setLifting(false)} title="Lift the restriction" act="Lift" reason="When and how was the person told?" onConfirm={async (told) => { await data.lift(customer, r.id, told); await act(async () => {}); }}>
        The law wants the person told before (article 18(3)).
      </Confirm>
    </Card>
  );
}

function Rectify({ customer, r }: { customer: string; r: Request }) {
  const list = useInfiniteQuery(data.finds(customer, r.id));
  const { error, act } = useAct(customer, r.id);
  const theirs = list.data?.pages.flatMap((p) => p.items).filter((f) => f.verdict === 'confirmed' && f.ref.startsWith('rec_')) ?? [];
  const [find, setFind] = useState<string | null>(null);
  const [field, setField] = useState<'name' | 'number'>('name');
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  return (
    <Card title="Put it right" about="On the card of the call, and all recordings of the same call. The old value stays in the change log, sealed.">
      <Stack gap="sm">
        <Select label="Recording" data={theirs.map((f) => ({ value: f.id, label: `${f.label} · ${f.at ? moment(f.at) : ''}` }))} value={find} onChange={setFind} placeholder="One that is theirs" />
        <Group grow align="flex-end">
          <Select label="What is wrong" data={[{ value: 'name', label: 'A name' }, { value: 'number', label: 'A number' }]} value={field} onChange={(v) => setField(v === 'number' ? 'number' : 'name')} allowDeselect={false} />
          <TextInput label="As it stands" value={old} onChange={(e) => setOld(e.currentTarget.value)} />
          <TextInput label="As it should be" value={fresh} onChange={(e) => setFresh(e.currentTarget.value)} />
        </Group>
        {error !== null && <Failed error={error} />}
        <Group><Button disabled={!find || old.trim() === ''} onClick={() => find && void act(() => data.rectify(customer, r.id, { find, field, old: old.trim(), new: fresh.trim() }), 'Put right.').then((ok) => { if (ok) { setOld(''); setFresh(''); } })}>Put it right</Button></Group>
      </Stack>
    </Card>
  );
}

function ObjectTo({ customer, r }: { customer: string; r: Request }) {
  const { error, act } = useAct(customer, r.id);
  const set = (what: string, on: boolean) => void act(() => data.objectTo(customer, r.id, on ? [...r.objections, what] : r.objections.filter((w) => w !== what)));
  return (
    <Card title="Stop processing" about="For every call with one of the person's numbers that is processed from now on.">
      <Stack gap="xs">
        {[['transcription', 'No transcript is made'], ['sentiment', 'How a call felt is not rated'], ['search', 'Spoken words are not made searchable']].map(([what, label]) => (
          <Checkbox key={what} label={label} disabled={!!r.ended_at} checked={r.objections.includes(what!)} onChange={(e) => set(what!, e.currentTarget.checked)} />
        ))}
        {r.ended_at && <Group><Button variant="default" onClick={() => void act(() => data.objectTo(customer, r.id, []), 'Taken back.')}>Take it back</Button></Group>}
        {error !== null && <Failed error={error} />}
      </Stack>
    </Card>
  );
}

/** Certificate says what was done until the request was ended, signed: without a name, and without what anybody wrote. */
function Certificate({ customer, r }: { customer: string; r: Request }) {
  if (!r.certified) return <Text size="sm" role="status">The certificate is being signed.</Text>;
  return (
    <Group gap="xs">
      <Text size="sm">Certificate:</Text>
      <Anchor href={data.certificate(customer, r.id, '/paper')} download size="sm" aria-label="Certificate as PDF">PDF</Anchor>
      <Text size="sm" aria-hidden>·</Text>
      <Anchor href={data.certificate(customer, r.id, '')} download size="sm" aria-label="Certificate as JSON">JSON</Anchor>
      <Text size="xs" c="dimmed">What was done until it was ended, signed; it names nobody. <code>ringfence certificate verify</code> checks it.</Text>
    </Group>
  );
}

const letters = [{ value: 'receipt', label: 'That it arrived' }, { value: 'answer', label: 'The answer' }, { value: 'extension', label: 'That it takes longer' }, { value: 'refusal', label: 'That it is refused' }] as const;
type Letter = (typeof letters)[number]['value'];

function Answer({ customer, r, ended }: { customer: string; r: Request; ended: boolean }) {
  const { error, act } = useAct(customer, r.id);
  const [kind, setKind] = useState<Letter>('answer');
  const [text, setText] = useState('');
  const [ending, setEnding] = useState<'answered' | 'refused' | 'longer' | null>(null);
  const titles = { answered: 'Mark as answered', refused: 'Refuse', longer: 'Take two months longer' };
  return (
    <Card title="The answer" about={ended ? `${data.states[r.state]} ${moment(r.ended_at)}: ${r.outcome}` : 'A draft to be read, completed and sent by a way on which it was made sure who the person is.'}>
      <Stack gap="sm">
        <Group align="flex-end">
          <Select label="Letter" data={letters.map((l) => ({ ...l }))} value={kind} onChange={(v) => setKind((v ?? 'answer') as Letter)} allowDeselect={false} />
          <Button variant="default" onClick={() => void act(async () => setText((await data.letter(customer, r.id, kind)).text))}>Draft</Button>
          <Anchor href={data.paper(customer, r.id, kind)} download size="sm">As PDF</Anchor>
        </Group>
        {text && <Textarea aria-label="Draft of the letter" value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={8} maxRows={24} />}
        {error !== null && <Failed error={error} />}
        {ended && <Certificate customer={customer} r={r} />}
        {!ended && (
          <Group>
            <Button onClick={() => setEnding('answered')}>Answered…</Button>
            <Button variant="default" onClick={() => setEnding('refused')}>Refuse…</Button>
            {!r.extended && <Button variant="default" onClick={() => setEnding('longer')}>Two months longer…</Button>}
          </Group>
        )}
      </Stack>
      {ending && (
        <Confirm opened onClose={() => setEnding(null)} title={titles[ending]} act={titles[ending]} reason={ending === 'answered' ? 'How was it answered?' : 'The reason that the person is told'}
          onConfirm={async (why) => { await (ending === 'longer' ? data.extend(customer, r.id, why) : data.end(customer, r.id, ending === 'refused', why)); await act(async () => {}); }}>
          {ending === 'longer' ? 'Because it is complex, or there are many requests; the person is told within the first month (article 12(3)).' : 'The request is closed by this, and its history stays.'}
        </Confirm>
      )}
    </Card>
  );
}
