import { Alert, Button, Group, Modal, NumberInput, Pill, Select, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { makeTag, tags as labels } from '../retention/data';

type Change = { recordings: string[]; off: boolean };

/** atOnce is how many recordings the API labels in one change. */
const atOnce = 200;

const relabel = (customer: string, tag: string, body: Change & { confirm?: number }) => must(api.POST('/api/v1/customers/{customer}/tags/{tag}/recordings', { params: { path: { customer, tag } }, body }));
const effect = (customer: string, tag: string, body: Change) => must(api.POST('/api/v1/customers/{customer}/tags/{tag}/recordings-preview', { params: { path: { customer, tag } }, body }));

function useFreshLists(customer: string) {
  const client = useQueryClient();
  return () => client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer && ['recording', 'recordings', 'tags'].includes(String(q.queryKey[2])) });
}

type Picking = { customer: string; without: string[]; onPick: (tag: string) => void; label: string; busy?: boolean };

/** Pick chooses a label by its name; who may set rules can make one of what was typed. */
function Pick({ customer, without, onPick, label, busy }: Picking) {
  const may = useMay(customer);
  const known = useQuery(labels(customer)).data?.items ?? [];
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<unknown>(null);
  const name = typed.trim();
  const data = known.filter((t) => !without.includes(t.id)).map((t) => ({ value: t.id, label: t.name }));
  const makes = name !== '' && may('retention.set') && !known.some((t) => t.name.toLowerCase() === name.toLowerCase());
  const choose = async (value: string | null) => {
    if (!value) return;
    setError(null);
    setTyped('');
    try {
      onPick(value === 'new' ? (await makeTag(customer, name)).id : value);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <>
      <Select
        size="xs" w={190} aria-label={label} placeholder={label} searchable value={null} searchValue={typed} onSearchChange={setTyped} disabled={busy}
        data={makes ? [...data, { value: 'new', label: `Make “${name}”` }] : data} onChange={(v) => void choose(v)} nothingFoundMessage="There is no such label" comboboxProps={{ withinPortal: true }}
      />
      {error !== null && <Failed error={error} />}
    </>
  );
}

/** Labels shows what a recording is labelled with, to be changed by who may. */
export function Labels({ customer, recording, tags }: { customer: string; recording: string; tags: string[] }) {
  const may = useMay(customer)('recording.tag');
  const known = useQuery(labels(customer)).data?.items ?? [];
  const fresh = useFreshLists(customer);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [asked, setAsked] = useState<{ tag: string; off: boolean } | null>(null);
  const act = async (tag: string, off: boolean) => {
    setBusy(true);
    setError(null);
    try {
      const change = { recordings: [recording], off };
      if ((await effect(customer, tag, change)).tonight > 0) return setAsked({ tag, off });
      await relabel(customer, tag, change);
      await fresh();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  if (tags.length === 0 && !may) return null;
  const named = (id: string) => known.find((t) => t.id === id)?.name ?? 'Label';
  return (
    <Stack gap={4}>
      <Group gap={6} aria-label="Labels" role="group">
        {tags.map((t) => (
          <Pill key={t} withRemoveButton={may} disabled={busy} onRemove={() => void act(t, true)} removeButtonProps={{ 'aria-label': `Take off: ${named(t)}`, tabIndex: 0, 'aria-hidden': false }}>
            {named(t)}
          </Pill>
        ))}
        {may && <Pick customer={customer} without={tags} label="Add a label" busy={busy} onPick={(t) => void act(t, false)} />}
      </Group>
      {error !== null && <Failed error={error} />}
      {asked && <LabelMany customer={customer} recordings={[recording]} {...asked} onClose={() => setAsked(null)} />}
    </Stack>
  );
}

/** LabelMany puts a label on recordings that were chosen in the list, or takes it off. */
export function LabelMany({ customer, recordings, onClose, ...first }: { customer: string; recordings: string[]; tag?: string; off?: boolean; onClose: () => void }) {
  const known = useQuery(labels(customer)).data?.items ?? [];
  const fresh = useFreshLists(customer);
  const [tag, setTag] = useState(first.tag ?? '');
  const [way, setWay] = useState(first.off ? 'off' : 'on');
  const off = way === 'off';
  const [confirm, setConfirm] = useState<number | string>('');
  const looked = useQuery({
    queryKey: here(customer, 'label-effect', tag, way, recordings),
    queryFn: () => inTurn((some) => effect(customer, tag, { recordings: some, off })).then((all) => all.map((one) => one.tonight)),
    enabled: tag !== '',
    gcTime: 0,
  });
  const goes = looked.data?.reduce((a, b) => a + b, 0) ?? 0;
  const inTurn = async <T,>(act: (some: string[], turn: number) => Promise<T>) => {
    const out: T[] = [];
    for (let i = 0; i < recordings.length; i += atOnce) out.push(await act(recordings.slice(i, i + atOnce), i / atOnce));
    return out;
  };
  const [done, setDone] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setError(null);
    setDone(0);
    try {
      await inTurn(async (some, turn) => {
        await relabel(customer, tag, { recordings: some, off, confirm: looked.data?.[turn] || undefined });
        setDone(turn * atOnce + some.length);
      });
      toast(`${count(recordings.length, 'recording')} labelled anew.`);
      onClose();
    } catch (e) {
      setError(e);
      void looked.refetch();
    } finally {
      setDone(null);
      await fresh();
    }
  };
  return (
    <Modal opened onClose={onClose} title={`Label ${count(recordings.length, 'recording')}`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <SegmentedControl aria-label="What to do" value={way} onChange={setWay} data={[{ value: 'on', label: 'Put on' }, { value: 'off', label: 'Take off' }]} />
        <Group gap={6}>
          {tag && <Pill>{known.find((t) => t.id === tag)?.name ?? 'Label'}</Pill>}
          <Pick customer={customer} without={[tag]} label={tag ? 'Another label' : 'Choose a label'} onPick={setTag} />
        </Group>
        {looked.error !== null && <Failed error={looked.error} />}
        {goes > 0 && (
          <Alert variant="light" color="red" title={`${count(goes, 'recording')} would go tonight`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
            By the rules on how long recordings are kept, wholly or their sound. This cannot be undone.
            <NumberInput mt="sm" label="How many go? Type the exact number" min={0} value={confirm} onChange={setConfirm} />
          </Alert>
        )}
        {done !== null && <Text size="sm" role="status">{done} of {recordings.length}</Text>}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button disabled={!looked.data || (goes > 0 && Number(confirm) !== goes)} color={goes > 0 ? 'red' : undefined} loading={done !== null || looked.isLoading} onClick={() => void go()}>{way === 'on' ? 'Put on' : 'Take off'}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
