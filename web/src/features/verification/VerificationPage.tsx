import { Anchor, Badge, Button, Code, Group, SegmentedControl, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { useMay } from '../../api/me';
import { ago, count, exact, moment } from '../../ui/format';
import { ExportLine } from '../../ui/ExportProgress';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { CopyLine } from '../../ui/SecretOnce';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** VerificationPage is how the proof of the change log stands, who watches over it, and what can be taken away to check. */
export function VerificationPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer);
  return (
    <Page
      title="Verification"
      about="Each minute in which something happens, Ringfence signs what the change log is. Whoever keeps such a checkpoint can prove later, without Ringfence, that nothing before it was altered, taken out or put in."
    >
      <Stack gap="lg">
        <Standing customer={customer} />
        {may('witness.manage') && <Witnesses customer={customer} />}
        {may('journal.export') && <TakeAway customer={customer} />}
        <Checkpoints customer={customer} />
      </Stack>
    </Page>
  );
}

function Standing({ customer }: { customer: string }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const state = useQuery({
    queryKey: here(customer, 'checkpoints', 'state'),
    queryFn: ({ signal }) => must(api.GET('/api/v1/customers/{customer}/log', { params: { path: { customer } }, signal })),
  });
  const sign = async () => {
    setBusy(true);
    try {
      const c = await must(api.POST('/api/v1/customers/{customer}/checkpoints', { params: { path: { customer } } }));
      toast(`Signed: ${count(c.size, 'event')}.`);
    } catch {
      toast('It could not be signed now.', 'bad');
    }
    setBusy(false);
    await client.invalidateQueries({ queryKey: here(customer, 'checkpoints') });
  };
  return (
    <section className="card" style={{ padding: 16 }} aria-labelledby="standing">
      <Group justify="space-between" mb="sm">
        <Title order={2} id="standing">The log now</Title>
        <Button variant="default" leftSection={<Icon name="check" size={16} />} loading={busy} onClick={() => void sign()}>Sign now</Button>
      </Group>
      <Answered query={state} rows={3}>
        {(s) => (
          <Stack gap="sm">
            <Group gap="xl">
              <Figure label="Events" text={String(s.events)} />
              <Figure label="In the tree" text={String(s.sequenced)} />
              <Figure label="Last signed" text={s.last ? `${count(s.last.size, 'event')}, ${ago(s.last.at)}` : 'not yet'} title={exact(s.last?.at)} />
              <Figure label="Openings by the key store's own count" text={s.last ? String(s.last.openings) : '–'} />
            </Group>
            <Text size="sm">The key that everything is signed with. Write it down somewhere else: a file that is checked must not bring its own key.</Text>
            <CopyLine text={s.key} label="Key" />
            <Text size="sm">
              Check files with <Code>ringfence verify --key KEY FILE…</Code>, or evidence files with{' '}
              <Anchor href="/verify.html" download underline="always">this page</Anchor>, which works without a network.
            </Text>
          </Stack>
        )}
      </Answered>
    </section>
  );
}

function Figure({ label, text, title }: { label: string; text: string; title?: string }) {
  return (
    <div title={title}>
      <Text size="xs" c="dimmed">{label}</Text>
      <Text fw={600} className="num">{text}</Text>
    </div>
  );
}

const often = [{ value: '1', label: 'Every hour' }, { value: '24', label: 'Every day' }, { value: '168', label: 'Every week' }];

function Witnesses({ customer }: { customer: string }) {
  const client = useQueryClient();
  const [email, setEmail] = useState('');
  const [every, setEvery] = useState('24');
  const [error, setError] = useState<unknown>(null);
  const query = useQuery({
    queryKey: here(customer, 'witnesses'),
    queryFn: ({ signal }) => must(api.GET('/api/v1/customers/{customer}/witnesses', { params: { path: { customer } }, signal })),
  });
  const again = () => client.invalidateQueries({ queryKey: here(customer, 'witnesses') });
  const add = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      await must(api.POST('/api/v1/customers/{customer}/witnesses', { params: { path: { customer } }, body: { email: email.trim(), every_hours: Number(every) as 1 | 24 | 168 } }));
      setEmail('');
    } catch (x) {
      setError(x);
    }
    await again();
  };
  const remove = async (witness: string) => {
    await must(api.DELETE('/api/v1/customers/{customer}/witnesses/{witness}', { params: { path: { customer, witness } } })).catch(setError);
    await again();
  };
  return (
    <section className="card" style={{ padding: 16 }} aria-labelledby="witnesses">
      <Title order={2} id="witnesses" mb={4}>Who keeps watch</Title>
      <Text size="sm" c="dimmed" mb="sm">They are sent checkpoints by mail while something is new. Other systems are sent each one, by a webhook that wants “checkpoint.signed”.</Text>
      <Answered query={query} rows={2}>
        {(data) =>
          data.items.length === 0 ? (
            <Text size="sm">Nobody yet. Without a checkpoint outside this house, nobody could tell that the log was rewritten in it.</Text>
          ) : (
            <Table.ScrollContainer minWidth={520}>
              <Table>
                <Table.Thead>
                  <Table.Tr><Table.Th>Address</Table.Th><Table.Th>How often</Table.Th><Table.Th>Last sent</Table.Th><Table.Th><span className="sr">Actions</span></Table.Th></Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map((w) => (
                    <Table.Tr key={w.id}>
                      <Table.Td>{w.email}{w.trouble && <Text size="xs" c="var(--rf-bad, red)">{w.trouble}</Text>}</Table.Td>
                      <Table.Td>{often.find((o) => o.value === String(w.every_hours))?.label}</Table.Td>
                      <Table.Td title={exact(w.sent_at)}>{w.sent_at ? `${ago(w.sent_at)} (${count(w.sent_size, 'event')})` : 'not yet'}</Table.Td>
                      <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => void remove(w.id)} aria-label={`Remove ${w.email}`}>Remove</Button></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Answered>
      <form onSubmit={(e) => void add(e)}>
        <Group align="flex-end" mt="sm">
          <TextInput label="E-mail address" type="email" required value={email} onChange={(e) => setEmail(e.currentTarget.value)} w={260} />
          <Select label="How often" data={often} value={every} onChange={(v) => setEvery(v ?? '24')} allowDeselect={false} w={150} />
          <Button type="submit" variant="default" leftSection={<Icon name="plus" size={16} />}>Add</Button>
        </Group>
      </form>
      {error !== null && <Failed error={error} />}
    </section>
  );
}

function TakeAway({ customer }: { customer: string }) {
  const client = useQueryClient();
  const [what, setWhat] = useState('whole');
  const [from, setFrom] = useState(dayjs().subtract(30, 'day').format('YYYY-MM-DD'));
  const [to, setTo] = useState(dayjs().format('YYYY-MM-DD'));
  const [purpose, setPurpose] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const query = useQuery({
    queryKey: here(customer, 'exports'),
    queryFn: ({ signal }) => must(api.GET('/api/v1/customers/{customer}/exports', { params: { path: { customer } }, signal })),
    refetchInterval: (q) => (q.state.data?.items.some((e) => e.state === 'making') ? 1500 : false),
  });
  const ask = async () => {
    setBusy(true);
    setError(null);
    const part = { from: dayjs(from).startOf('day').toISOString(), to: dayjs(to).add(1, 'day').startOf('day').toISOString() };
    try {
      await must(api.POST('/api/v1/customers/{customer}/log/exports', { params: { path: { customer } }, body: { whole: what === 'whole', purpose, ...(what === 'whole' ? {} : part) } }));
    } catch (x) {
      setError(x);
    }
    setBusy(false);
    await client.invalidateQueries({ queryKey: here(customer, 'exports') });
  };
  return (
    <section className="card" style={{ padding: 16 }} aria-labelledby="take">
      <Title order={2} id="take" mb={4}>Take it away to check</Title>
      <Text size="sm" c="dimmed" mb="sm">The whole log is hashed anew by who checks it and compared with the key store's own count of openings. A part carries a proof for each event.</Text>
      <Group align="flex-end">
        <SegmentedControl aria-label="What to export" value={what} onChange={setWhat} data={[{ value: 'whole', label: 'The whole log' }, { value: 'part', label: 'Some days' }]} />
        {what === 'part' && (
          <>
            <TextInput type="date" label="From" value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
            <TextInput type="date" label="To" value={to} onChange={(e) => setTo(e.currentTarget.value)} error={to < from && 'Before the first day'} />
          </>
        )}
        <TextInput label="Purpose" value={purpose} onChange={(e) => setPurpose(e.currentTarget.value)} maxLength={300} />
        <Button loading={busy} onClick={() => void ask()}>Make the export</Button>
      </Group>
      {error !== null && <Failed error={error} />}
      <Stack mt="md" gap="md">
        {query.data?.items.filter((e) => e.kind === 'change-log').slice(0, 5).map((e) => <ExportLine key={e.id} customer={customer} of={e} />)}
      </Stack>
    </section>
  );
}

function Checkpoints({ customer }: { customer: string }) {
  const query = useInfiniteQuery({
    queryKey: here(customer, 'checkpoints'),
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/customers/{customer}/checkpoints', { params: { path: { customer }, query: { limit: 20, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const save = (note: string, size: number) => {
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(new Blob([note], { type: 'text/plain' })), download: `checkpoint-${size}.txt` });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <section className="card" style={{ padding: 16 }} aria-labelledby="points">
      <Title order={2} id="points" mb="sm">Checkpoints</Title>
      <Answered query={query}>
        {(data) => {
          const rows = data.pages.flatMap((p) => p.items);
          if (rows.length === 0) return <Empty icon="check" title="None yet">The first is signed within a minute of the first event.</Empty>;
          return (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead>
                  <Table.Tr><Table.Th>When</Table.Th><Table.Th ta="right">Events</Table.Th><Table.Th>Hash of the tree</Table.Th><Table.Th>Witnesses</Table.Th><Table.Th><span className="sr">Actions</span></Table.Th></Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((c) => (
                    <Table.Tr key={c.size}>
                      <Table.Td className="num" title={exact(c.at)}>{moment(c.at)}</Table.Td>
                      <Table.Td className="num" ta="right">{c.size}</Table.Td>
                      <Table.Td><Code>{c.root.slice(0, 16)}…</Code></Table.Td>
                      <Table.Td>{c.cosigned.map((o) => <Badge key={o.name} variant="light">{o.name}</Badge>)}</Table.Td>
                      <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => save(c.note, c.size)} aria-label={`Save the checkpoint of ${count(c.size, 'event')}`}>Save</Button></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          );
        }}
      </Answered>
      {query.hasNextPage && <Button mt="sm" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Load more</Button>}
    </section>
  );
}
