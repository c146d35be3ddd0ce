import { Alert, Badge, Button, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay } from '../../api/me';
import type { components } from '../../api/types';
import { count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { sources } from '../settings/queries';
import { holds } from './data';

type Hold = components['schemas']['Hold'];
type Search = NonNullable<components['schemas']['HoldSearch']>;

const at = (customer: string) => ({ path: { customer } });

export function HoldsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const client = useQueryClient();
  const query = useQuery(holds(customer));
  const may = useMay(customer)('hold.manage');
  const [placing, setPlacing] = useState(false);
  const [lifting, setLifting] = useState<Hold | null>(null);
  const fresh = () => client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
  return (
    <Page title="Legal holds" about="Nothing under a hold can be destroyed by anyone or anything: not by retention, not by a person's request, not when you leave. Lifting one needs a second person."
      actions={may && <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setPlacing(true)}>Place a hold</Button>}
    >
      <Answered query={query}>
        {(data) => data.items.length === 0 ? (
          <Empty icon="lock" title="There are no holds">A hold keeps recordings for a matter, such as a claim, whatever the rules on retention say.</Empty>
        ) : (
          <Card flush>
            <Table.ScrollContainer minWidth={680}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Matter</Table.Th><Table.Th>On</Table.Th><Table.Th>Recordings</Table.Th><Table.Th>Placed</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((h) => (
                    <Table.Tr key={h.id}>
                      <Table.Td><Text size="sm" fw={550}>{h.matter}</Text><Text size="xs" c="dimmed">{h.reason}</Text></Table.Td>
                      <Table.Td>{saysSearch(h.search)}</Table.Td>
                      <Table.Td className="num">{h.lifted_at ? `${h.lifted} when lifted` : h.count}</Table.Td>
                      <Table.Td><Text size="sm">{moment(h.placed_at)}</Text><Text size="xs" c="dimmed">{h.placed_by}</Text></Table.Td>
                      <Table.Td ta="right">
                        {h.lifted_at ? <Text size="sm" c="dimmed">Lifted {moment(h.lifted_at)}</Text>
                          : h.approval_id ? <Badge variant="light" color="yellow" tt="none">Waits for a second person</Badge>
                          : may && <Button size="compact-sm" variant="default" onClick={() => setLifting(h)} aria-label={`Lift: ${h.matter}`}>Lift…</Button>}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Card>
        )}
      </Answered>
      {placing && <PlaceHold customer={customer} onClose={() => setPlacing(false)} onDone={fresh} />}
      {lifting && <LiftHold customer={customer} hold={lifting} onClose={() => setLifting(null)} onDone={fresh} />}
    </Page>
  );
}

const day = 'YYYY-MM-DD';

/** lastDay is the last day that is held: the search ends where the next one begins. */
const lastDay = (to: string) => dayjs(to).subtract(1, 'millisecond');

function saysSearch(q: Search | null): string {
  if (!q) return 'Single recordings';
  const parts = [
    q.from && `from ${moment(q.from)}`, q.to && `before ${moment(q.to)}`, q.number && `number ${q.number}`, q.extension && `extension ${q.extension}`, q.queue && `queue ${q.queue}`,
    q.direction, q.source_id && 'one source', q.min_seconds && `${q.min_seconds} seconds or longer`, q.max_seconds && `up to ${q.max_seconds} seconds`, q.words && `“${q.words}” was said`,
  ].filter(Boolean);
  return `${parts.join(', ')}; and what comes`;
}

/** PlaceHold asks for a search; single recordings are held from their own page. */
function PlaceHold({ customer, onClose, onDone }: { customer: string; onClose: () => void; onDone: () => unknown }) {
  const [matter, setMatter] = useState('');
  const [reason, setReason] = useState('');
  const [q, setQ] = useState<Search>({});
  const [found, setFound] = useState<number | null>(null);
  const words = useMay(customer)('recording.transcript'); // finding a word tells that it was said
  const drops = useQuery(sources(customer)).data?.items ?? [];
  const set = (part: Partial<Search>) => {
    setQ({ ...q, ...part });
    setFound(null);
  };
  const look = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/holds-preview', { params: at(customer), body: q })), onSuccess: (r) => setFound(r.count) });
  const place = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/holds', { params: at(customer), body: { matter, reason, search: q, confirm: found ?? 0 } })),
    onSuccess: async (h) => {
      toast(`${count(h.count, 'recording')} held.`);
      onClose();
      await onDone();
    },
  });
  const error = place.error ?? look.error;
  const p = error instanceof Problem ? error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (found) place.mutate();
    else look.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Place a hold" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Matter" required maxLength={200} value={matter} onChange={(e) => setMatter(e.currentTarget.value)} error={p?.about('matter')} data-autofocus />
          <Textarea label="Reason" required autosize minRows={2} maxLength={1000} value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={p?.about('reason')} />
          <Text size="sm" c="dimmed">Which recordings: those that are there, and those that come while the hold lasts.</Text>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput label="Queue" value={q.queue ?? ''} onChange={(e) => set({ queue: e.currentTarget.value || undefined })} error={p?.about('search.queue')} />
            <TextInput label="Extension" value={q.extension ?? ''} onChange={(e) => set({ extension: e.currentTarget.value || undefined })} />
            <TextInput label="Number" value={q.number ?? ''} onChange={(e) => set({ number: e.currentTarget.value || undefined })} />
            <Select label="Source" clearable data={drops.map((s) => ({ value: s.id, label: s.name }))} value={q.source_id ?? null} onChange={(v) => set({ source_id: v ?? undefined })} error={p?.about('search.source_id')} />
            <TextInput label="From" type="date" value={q.from ? dayjs(q.from).format(day) : ''} onChange={(e) => set({ from: e.currentTarget.value ? dayjs(e.currentTarget.value).toISOString() : undefined })} />
            <TextInput label="To" description="This day is held, too" inputWrapperOrder={['label', 'input', 'description', 'error']} type="date" value={q.to ? lastDay(q.to).format(day) : ''} onChange={(e) => set({ to: e.currentTarget.value ? dayjs(e.currentTarget.value).add(1, 'day').toISOString() : undefined })} error={(p?.about('search.to') || (q.from && q.to && q.to < q.from)) && 'Before the first day'} />
            <Select label="Direction" clearable data={['inbound', 'outbound', 'internal']} value={q.direction ?? null} onChange={(v) => set({ direction: v ?? undefined })} />
            {words && <TextInput label="Words that were said" value={q.words ?? ''} onChange={(e) => set({ words: e.currentTarget.value || undefined })} error={p?.about('search.words')} />}
          </SimpleGrid>
          {found !== null && (
            <Alert variant="light" color="gray" title={found ? `${count(found, 'recording')} would be held` : 'No recording fits'} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {found ? 'With the count, you confirm that these are the ones.' : 'A hold on nothing holds nothing.'}
            </Alert>
          )}
          {error != null && !p?.about('matter') && !p?.about('reason') && !p?.about('search.queue') && !p?.about('search.source_id') && !p?.about('search.to') && <Failed error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={look.isPending || place.isPending} disabled={found === 0}>{found ? `Hold ${found}` : 'See how many'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function LiftHold({ customer, hold, onClose, onDone }: { customer: string; hold: Hold; onClose: () => void; onDone: () => unknown }) {
  const [reason, setReason] = useState('');
  const [confirm, setConfirm] = useState<number | string>('');
  const lift = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/holds/{hold}/lift', { params: { path: { customer, hold: hold.id } }, body: { reason, confirm: Number(confirm) } })),
    onSuccess: async () => {
      toast('It waits for a second person.');
      onClose();
      await onDone();
    },
  });
  const p = lift.error instanceof Problem ? lift.error : null;
  return (
    <Modal opened onClose={onClose} title={`Lift: ${hold.matter}`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); lift.mutate(); }}>
        <Stack>
          <Text size="sm">{count(hold.count, 'recording')} are under this hold. Once a second person agrees, the rules on retention count for them again.</Text>
          <Textarea label="Reason" description="The second person reads it" required autosize minRows={2} maxLength={1000} value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={p?.about('reason')} data-autofocus />
          <NumberInput label={`Type ${hold.count} to confirm`} hideControls value={confirm} onChange={setConfirm} error={p?.about('confirm')} w={220} />
          {lift.error != null && !p?.about('reason') && !p?.about('confirm') && <Failed error={lift.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={lift.isPending} disabled={Number(confirm) !== hold.count || confirm === ''}>Ask for it</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
