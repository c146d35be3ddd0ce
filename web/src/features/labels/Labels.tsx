import { Button, Group, Modal, Pill, Select, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { makeTag, tags as labels } from '../retention/data';

const path = (customer: string, recording: string, tag: string) => ({ params: { path: { customer, recording, tag } } });
const putOn = (customer: string, recording: string, tag: string) => must(api.PUT('/api/v1/customers/{customer}/recordings/{recording}/tags/{tag}', path(customer, recording, tag)));
const takeOff = (customer: string, recording: string, tag: string) => must(api.DELETE('/api/v1/customers/{customer}/recordings/{recording}/tags/{tag}', path(customer, recording, tag)));

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
  const act = async (what: Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await what;
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
          <Pill key={t} withRemoveButton={may} disabled={busy} onRemove={() => void act(takeOff(customer, recording, t))} removeButtonProps={{ 'aria-label': `Take off: ${named(t)}`, tabIndex: 0, 'aria-hidden': false }}>
            {named(t)}
          </Pill>
        ))}
        {may && <Pick customer={customer} without={tags} label="Add a label" busy={busy} onPick={(t) => void act(putOn(customer, recording, t))} />}
      </Group>
      {error !== null && <Failed error={error} />}
    </Stack>
  );
}

/** LabelMany puts a label on recordings that were chosen in the list, or takes it off. */
export function LabelMany({ customer, recordings, onClose }: { customer: string; recordings: string[]; onClose: () => void }) {
  const known = useQuery(labels(customer)).data?.items ?? [];
  const fresh = useFreshLists(customer);
  const [tag, setTag] = useState('');
  const [way, setWay] = useState('on');
  const [done, setDone] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setError(null);
    let n = 0;
    try {
      for (const one of recordings) {
        setDone(n);
        await (way === 'on' ? putOn : takeOff)(customer, one, tag);
        n++;
      }
      toast(`${count(n, 'recording')} labelled anew.`);
      onClose();
    } catch (e) {
      setError(e);
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
        {done !== null && <Text size="sm" role="status">{done} of {recordings.length}</Text>}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button disabled={!tag} loading={done !== null} onClick={() => void go()}>{way === 'on' ? 'Put on' : 'Take off'}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
