import { Alert, Badge, Button, Checkbox, Group, Modal, NumberInput, Select, Stack, Table, Text, TextInput, Textarea } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { useMay } from '../../api/me';
import { count, moment } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { due, figured, pseudonyms, rule, run, runs, stateOf } from './queries';

/** PseudonymsPage has the rule, the runs, the pseudonyms, and what leads back from them. */
export function PseudonymsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer);
  return (
    <Page title="Pseudonyms" about="What stands for good in place of people’s names and numbers: the same in every recording, transcript and export. One person’s are replaced from their request, on the page Person requests.">
      <Stack>
        {may('pseudonym.reveal') && <LookUp customer={customer} />}
        {may('pseudonym.read') && <RuleCard customer={customer} />}
        {may('pseudonym.read') && <Runs customer={customer} />}
        {may('pseudonym.read') && <List customer={customer} />}
        {may('pseudonym.manage') && <Forget customer={customer} />}
      </Stack>
    </Page>
  );
}

const purposes = ['legal claim', 'request of the person', 'danger to somebody', 'fraud or abuse', 'order of an authority'];

function LookUp({ customer }: { customer: string }) {
  const [pseudonym, setPseudonym] = useState('');
  const [purpose, setPurpose] = useState<string>('legal claim');
  const [reason, setReason] = useState('');
  const ask = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/pseudonym-lookup', { params: { path: { customer } }, body: { pseudonym, purpose, reason } })),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={680}>
          <Text fw={600} component="h2">Whom a pseudonym stands for</Text>
          <Text size="sm" c="dimmed">Each look leaves a receipt with your name, the purpose and the reason, before the answer.</Text>
          <Group align="end" grow>
            <TextInput label="Pseudonym" placeholder="Person K7QM2-VX4TD" value={pseudonym} onChange={(e) => setPseudonym(e.currentTarget.value)} required />
            <Select label="Purpose" data={purposes} value={purpose} onChange={(v) => v && setPurpose(v)} allowDeselect={false} />
          </Group>
          <TextInput label="Reason" value={reason} onChange={(e) => setReason(e.currentTarget.value)} required maxLength={240} />
          {ask.error != null && <Failed error={ask.error} />}
          {ask.data && <Alert color="blue" variant="light" title="It stands for" styles={{ message: { color: 'var(--mantine-color-text)' } }}>{ask.data.originals?.join('; ')}</Alert>}
          <Group><Button type="submit" loading={ask.isPending} disabled={!pseudonym.trim() || reason.trim().length < 3}>Look up</Button></Group>
        </Stack>
      </form>
    </Card>
  );
}

function RuleCard({ customer }: { customer: string }) {
  const query = useQuery(rule(customer));
  return <Answered query={query} rows={3}>{(now) => <RuleForm key={now.chosen_at ?? ''} customer={customer} now={now} />}</Answered>;
}

function RuleForm({ customer, now }: { customer: string; now: { days: number; silence: boolean; agents: boolean; chosen_at: string | null; chosen_by?: string } }) {
  const client = useQueryClient();
  const may = useMay(customer);
  const [days, setDays] = useState<number | string>(now.days || '');
  const [silence, setSilence] = useState(now.silence);
  const [agents, setAgents] = useState(now.agents);
  const [confirm, setConfirm] = useState<number | string>('');
  const n = Number(days) || 0;
  const going = useQuery(due(customer, n));
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/pseudonym-rule', { params: { path: { customer } }, body: { days: n, silence, agents, confirm: Number(confirm) || 0 } })),
    onSuccess: () => {
      toast(n ? 'Names and numbers are replaced from that age on, each night.' : 'Nothing is replaced by itself any more.');
      return client.invalidateQueries({ queryKey: here(customer, 'pseudonyms') });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={680}>
          <Text fw={600} component="h2">By age</Text>
          <Text size="sm" c="dimmed">{now.chosen_at ? `Set ${now.chosen_by ? `by ${now.chosen_by} ` : ''}on ${moment(now.chosen_at)}.` : 'Nothing is set: names and numbers stay for as long as the recording.'}</Text>
          <NumberInput label="Replace names and numbers after so many days" description="Of everybody who does not work here. Empty: never by itself." value={days} onChange={setDays} min={0} max={36500} disabled={!may('pseudonym.manage')} w={320} />
          <Checkbox label="Where a name or number is said, the sound falls silent" description="Without it, names can still be heard." checked={silence} onChange={(e) => setSilence(e.currentTarget.checked)} disabled={!may('pseudonym.manage')} />
          <Checkbox label="Names of those who work here, too" description="Their extensions stay: who may hear a call follows from them." checked={agents} onChange={(e) => setAgents(e.currentTarget.checked)} disabled={!may('pseudonym.manage')} />
          {n > 0 && going.data && (
            <Alert color="yellow" variant="light" title={`${count(going.data.recordings, 'recording')} so far`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              They are changed from tonight on, and nothing brings back what stood there but the look-up, as long as its way back is not destroyed.
              {may('pseudonym.manage') && <NumberInput mt="sm" label={`Type ${going.data.recordings} to confirm`} hideControls value={confirm} onChange={setConfirm} w={220} />}
            </Alert>
          )}
          {save.error != null && <Failed error={save.error} />}
          {may('pseudonym.manage') && (
            <Group><Button type="submit" loading={save.isPending} disabled={n > 0 && (confirm === '' || Number(confirm) !== going.data?.recordings)}>Save</Button></Group>
          )}
        </Stack>
      </form>
    </Card>
  );
}

function Runs({ customer }: { customer: string }) {
  const query = useQuery(runs(customer));
  const [shown, setShown] = useState('');
  return (
    <Answered query={query} rows={3}>
      {(data) => (
        <Card>
          <Text fw={600} component="h2" mb="xs">Runs</Text>
          {(data.items ?? []).length === 0 && <Text size="sm" c="dimmed">No names were replaced yet.</Text>}
          <Stack gap="xs">
            {(data.items ?? []).map((r) => (
              <Group key={r.id} justify="space-between" wrap="nowrap" align="start">
                <Text size="sm">
                  <Badge mr="xs" variant="light" color={r.ended ? 'gray' : 'blue'}>{r.ended ? 'Ended' : 'Running'}</Badge>
                  {moment(r.asked_at)}, {r.request_id ? `for one person, by ${r.asked_by}` : 'by the rule'}: {figured(r.figures)}{r.elsewhere > 0 && `; ${count(r.elsewhere, 'find')} elsewhere taken out`}
                </Text>
                <Button size="xs" variant="default" onClick={() => setShown(r.id)} aria-label={`Details of the run of ${moment(r.asked_at)}`}>Details</Button>
              </Group>
            ))}
          </Stack>
          {shown && <RunDetails customer={customer} id={shown} onClose={() => setShown('')} />}
        </Card>
      )}
    </Answered>
  );
}

function RunDetails({ customer, id, onClose }: { customer: string; id: string; onClose: () => void }) {
  const query = useQuery(run(customer, id));
  const client = useQueryClient();
  const may = useMay(customer);
  const again = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/pseudonym-runs/{run}/again', { params: { path: { customer, run: id } } })),
    onSuccess: () => {
      toast('What was left is taken up.');
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'pseudonyms') });
    },
  });
  return (
    <Modal opened onClose={onClose} title="What a run left" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Answered query={query} rows={2}>
        {(r) => (
          <Stack>
            <Text size="sm">{figured(r.figures)}.</Text>
            {(r.left ?? []).map((x) => <Text key={x.recording_id} size="sm" style={{ overflowWrap: 'anywhere' }}>{x.recording_id}: {stateOf(x.state)}</Text>)}
            {again.error != null && <Failed error={again.error} />}
            {may('pseudonym.manage') && r.ended && (r.left ?? []).some((x) => x.state !== 'gone' && x.state !== 'unheard') && <Button variant="default" loading={again.isPending} onClick={() => again.mutate()}>Take up what was left</Button>}
          </Stack>
        )}
      </Answered>
    </Modal>
  );
}

function List({ customer }: { customer: string }) {
  const query = useInfiniteQuery(pseudonyms(customer));
  const all = query.data?.pages.flatMap((p) => p.items ?? []) ?? [];
  return (
    <Answered query={query} rows={4}>
      {() => (
        <Card>
          <Text fw={600} component="h2" mb="xs">Given so far</Text>
          {all.length === 0 && <Empty title="None was given yet" icon="person">Names are replaced for one person from their request, or by age.</Empty>}
          {all.length > 0 && (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Pseudonym</Table.Th><Table.Th>For a</Table.Th><Table.Th>Recordings</Table.Th><Table.Th>Since</Table.Th><Table.Th>Way back</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {all.map((p) => (
                    <Table.Tr key={p.id}>
                      <Table.Td style={{ whiteSpace: 'nowrap' }}>{p.pseudonym}</Table.Td><Table.Td>{p.kind}</Table.Td><Table.Td>{p.recordings}</Table.Td><Table.Td>{moment(p.made_at)}</Table.Td>
                      <Table.Td>{p.ended_at ? `destroyed ${moment(p.ended_at)}` : p.way_back ? 'sealed' : 'the archive itself'}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
          {query.hasNextPage && <Button mt="sm" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>More</Button>}
        </Card>
      )}
    </Answered>
  );
}

function Forget({ customer }: { customer: string }) {
  const client = useQueryClient();
  const [which, setWhich] = useState('one');
  const [pseudonym, setPseudonym] = useState('');
  const [before, setBefore] = useState('');
  const [reason, setReason] = useState('');
  const [confirm, setConfirm] = useState<number | string>('');
  const meant = which === 'all' ? { all: true } : which === 'before' ? { before: `${before}T00:00:00Z` } : { pseudonym };
  const ready = which === 'all' || (which === 'before' ? before !== '' : pseudonym.trim() !== '');
  const counted = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/pseudonym-ways-back/count', { params: { path: { customer } }, body: meant })) });
  const ask = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/pseudonym-ways-back/destruction', { params: { path: { customer } }, body: { ...meant, reason, confirm: Number(confirm) } })),
    onSuccess: () => {
      toast('A second person has to agree, on the page Second person.');
      counted.reset();
      setConfirm('');
      return client.invalidateQueries({ queryKey: here(customer, 'approvals') });
    },
  });
  const n = counted.data?.pseudonyms;
  return (
    <Card>
      <Stack maw={680}>
        <Text fw={600} component="h2">Destroy the way back</Text>
        <Text size="sm" c="dimmed">The pseudonyms stay, and nobody can tell any more whom they stand for: not from a backup either. Two persons are needed, and a certificate is signed.</Text>
        <Group align="end">
          <Select
            label="Of" value={which} allowDeselect={false} data={[{ value: 'one', label: 'one pseudonym' }, { value: 'before', label: 'those given before a day' }, { value: 'all', label: 'all' }]}
            onChange={(v) => {
              setWhich(v ?? 'one');
              counted.reset();
            }}
          />
          {which === 'one' && <TextInput label="Pseudonym to forget" value={pseudonym} onChange={(e) => { setPseudonym(e.currentTarget.value); counted.reset(); }} />}
          {which === 'before' && <TextInput type="date" label="Day (UTC)" value={before} onChange={(e) => { setBefore(e.currentTarget.value); counted.reset(); }} />}
          <Button variant="default" disabled={!ready} loading={counted.isPending} onClick={() => counted.mutate()}>How many?</Button>
        </Group>
        {counted.error != null && <Failed error={counted.error} />}
        {n === 0 && <Text size="sm">There is no way back that this would destroy.</Text>}
        {!!n && (
          <>
            <Textarea label="Why? The second person reads it" value={reason} onChange={(e) => setReason(e.currentTarget.value)} autosize minRows={2} maxLength={1000} required />
            <NumberInput label={`Type ${n} to confirm`} hideControls value={confirm} onChange={setConfirm} w={220} />
            {ask.error != null && <Failed error={ask.error} />}
            <Group justify="flex-end"><Button color="red" loading={ask.isPending} disabled={Number(confirm) !== n || confirm === '' || reason.trim().length < 3} onClick={() => ask.mutate()}>Ask for it</Button></Group>
          </>
        )}
      </Stack>
    </Card>
  );
}
