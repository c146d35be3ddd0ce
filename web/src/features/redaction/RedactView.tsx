import { ActionIcon, Alert, Badge, Button, Checkbox, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, here, must } from '../../api/client';
import { useMay } from '../../api/me';
import type { FoundSpan, RecordingDetail } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { count, exact, spoken } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { open } from '../recording/openings';
import type { Listening } from '../recording/useListening';
import { Lanes } from './Lanes';
import { redactions } from './queries';
import { covered, everyChannel, kind, total, type Stretch } from './stretches';

/** RedactView takes stretches out of a recording: chosen on its picture, or of what was found. */
export function RedactView({ customer, detail, listening }: { customer: string; detail: RecordingDetail; listening: Listening }) {
  const standing = useQuery(redactions(customer, detail.id));
  return (
    <Answered query={standing} rows={3}>
      {(now) => (
        <Stack>
          {now.redacted && (
            <Alert variant="light" color="blue" icon={<Icon name="lock" />} title="What is heard is a redacted copy">
              {now.original_until ? `The original stays apart until ${exact(now.original_until)}.` : 'The original is gone, with its key.'}
              {now.original_until && <Undo customer={customer} id={detail.id} />}
            </Alert>
          )}
          <Editor key={now.items.length} customer={customer} detail={detail} listening={listening} />
          {now.items.map((d) => (
            <Group key={d.id} gap="xs">
              <Text size="sm">{exact(d.at)}: {count(d.stretches, 'stretch', 'stretches')}, {spoken(d.seconds)}, {d.way === 'person' ? `by ${d.by}` : d.way === 'pause' ? 'for a pause' : 'by detection'}</Text>
              {d.undone_at && <Badge>Undone</Badge>}
            </Group>
          ))}
        </Stack>
      )}
    </Answered>
  );
}

function Undo({ customer, id }: { customer: string; id: string }) {
  const may = useMay(customer);
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  if (!may('recording.original')) return null;
  return (
    <Group mt="xs">
      <Button size="xs" variant="default" onClick={() => setAsking(true)}>Put the original back</Button>
      <Confirm
        title="Put the original back?" act="Put back" reason="Why? The change log keeps this." opened={asking} onClose={() => setAsking(false)}
        onConfirm={async (reason) => {
          await must(api.POST('/api/v1/customers/{customer}/recordings/{recording}/redactions-undo', { params: { path: { customer, recording: id } }, body: { reason } }));
          toast('The original is heard again; the redacted copy is destroyed.');
          await client.invalidateQueries({ queryKey: here(customer, 'recording', id) });
        }}
      >
        <Text size="sm">Everyone who may hear this recording hears again what was taken out.</Text>
      </Confirm>
    </Group>
  );
}

/** usePreview silences the sound wherever it is about to be taken out. */
function usePreview(listening: Listening, stretches: Stretch[], on: boolean) {
  const { sound } = listening;
  useEffect(() => {
    if (!on) return;
    const stop = sound.onTime((at) => {
      sound.media.muted = covered(stretches, at);
    });
    return () => {
      stop();
      sound.media.muted = false;
    };
  }, [sound, stretches, on]);
}

function Editor({ customer, detail, listening }: { customer: string; detail: RecordingDetail; listening: Listening }) {
  const [stretches, setStretches] = useState<Stretch[]>([]);
  const [preview, setPreview] = useState(true);
  const { peaks } = listening;
  usePreview(listening, stretches, preview);
  const add = (s: Stretch) => setStretches((all) => [...all, s].sort((a, b) => a.start - b.start));
  const change = (k: number, s: Partial<Stretch>) => setStretches((all) => all.map((x, i) => (i === k ? { ...x, ...s } : x)));
  if (!peaks) {
    return (
      <Group>
        <Text size="sm" c="dimmed">To choose what goes, the sound has to be opened. That leaves a receipt.</Text>
        <Button size="xs" onClick={() => void listening.play()} loading={listening.opening}>Open and play</Button>
      </Group>
    );
  }
  return (
    <Stack gap="sm">
      <Lanes peaks={peaks} stretches={stretches} onChoose={(start, end) => add({ start, end, channel: everyChannel, entity: '' })} />
      <Group justify="space-between">
        <Text size="sm" c="dimmed">{stretches.length === 0 ? 'Nothing is chosen yet.' : `${count(stretches.length, 'stretch', 'stretches')}, ${spoken(total(stretches))} altogether.`}</Text>
        <Switch label="Play as it will be" checked={preview} onChange={(e) => setPreview(e.currentTarget.checked)} />
      </Group>
      {stretches.map((s, k) => (
        <Group key={k} gap="xs" align="end" wrap="nowrap">
          <NumberInput label={k === 0 ? 'From, seconds' : undefined} aria-label={`Stretch ${k + 1} from`} size="xs" w={110} min={0} max={s.end} step={0.1} decimalScale={2} value={s.start} onChange={(v) => change(k, { start: Number(v) || 0 })} />
          <NumberInput label={k === 0 ? 'To, seconds' : undefined} aria-label={`Stretch ${k + 1} to`} size="xs" w={110} min={s.start} max={peaks.seconds} step={0.1} decimalScale={2} value={s.end} onChange={(v) => change(k, { end: Number(v) || s.start })} />
          <Select
            aria-label={`Stretch ${k + 1} who`} size="xs" w={130} allowDeselect={false} value={String(s.channel)} onChange={(v) => change(k, { channel: Number(v) })}
            data={[{ value: '-1', label: 'All' }, ...peaks.channels.map((c, i) => ({ value: String(i), label: c.label }))]}
          />
          <Text size="sm" style={{ flex: 1 }} truncate>{kind(s.entity)}</Text>
          <ActionIcon variant="subtle" color="gray" aria-label={`Listen to stretch ${k + 1}`} onClick={() => { setPreview(false); listening.seek(Math.max(0, s.start - 1)); }}><Icon name="play" /></ActionIcon>
          <ActionIcon variant="subtle" color="gray" aria-label={`Leave stretch ${k + 1}`} onClick={() => setStretches((all) => all.filter((_, i) => i !== k))}><Icon name="close" /></ActionIcon>
        </Group>
      ))}
      <Suggested customer={customer} id={detail.id} restricted={!!detail.restricted_at} chosen={stretches} onAccept={add} />
      {stretches.length > 0 && <Save customer={customer} detail={detail} stretches={stretches} />}
    </Stack>
  );
}

/** Suggested is what detection found: each can be taken, or left. */
function Suggested({ customer, id, restricted, chosen, onAccept }: { customer: string; id: string; restricted: boolean; chosen: Stretch[]; onAccept: (s: Stretch) => void }) {
  const may = useMay(customer);
  const [left, setLeft] = useState<number[]>([]);
  const find = useMutation({
    mutationFn: async () => {
      const opening = await open(customer, id, 'transcript', undefined, undefined, restricted);
      return must(api.GET('/api/v1/customers/{customer}/openings/{opening}/findings', { params: { path: { customer, opening: opening.id } } }));
    },
  });
  if (!may('recording.transcript')) return null;
  const waiting = (find.data?.items ?? []).filter((s, k) => !left.includes(k) && !chosen.some((c) => c.start === s.start && c.end === s.end));
  const take = (s: FoundSpan) => onAccept({ start: s.start, end: s.end, channel: s.channel, entity: s.entity === 'KEYED_NUMBER' ? 'CREDIT_CARD' : s.entity });
  return (
    <Stack gap={6}>
      {!find.data && <Group><Button size="xs" variant="default" loading={find.isPending} onClick={() => find.mutate()}>Show what was found</Button></Group>}
      {find.error != null && <Failed error={find.error} />}
      {find.data && <Text size="sm" fw={600}>{waiting.length === 0 ? 'Nothing more was found' : `Found: ${waiting.length}`}</Text>}
      {find.data && waiting.length > 1 && <Group><Button size="xs" variant="default" onClick={() => waiting.forEach(take)}>Take all</Button></Group>}
      {find.data?.items?.map((s, k) => waiting.includes(s) && (
        <Group key={k} gap="xs" wrap="nowrap">
          <Text size="sm" style={{ flex: 1 }}>{kind(s.entity)}, {spoken(s.start)} <Text span size="xs" c="dimmed">{s.why}, {Math.round(100 * s.score)} %</Text></Text>
          <Button size="xs" variant="light" onClick={() => take(s)} aria-label={`Take ${kind(s.entity)} at ${spoken(s.start)}`}>Take</Button>
          <Button size="xs" variant="subtle" color="gray" onClick={() => setLeft((l) => [...l, k])} aria-label={`Leave ${kind(s.entity)} at ${spoken(s.start)}`}>Leave</Button>
        </Group>
      ))}
    </Stack>
  );
}

const periods = [
  { value: '0', label: 'Is destroyed at once' },
  { value: '7', label: 'Stays apart for a week' },
  { value: '30', label: 'Stays apart for 30 days' },
  { value: '366', label: 'Stays apart for a year' },
];

function Save({ customer, detail, stretches }: { customer: string; detail: RecordingDetail; stretches: Stretch[] }) {
  const client = useQueryClient();
  const [days, setDays] = useState('30');
  const [tone, setTone] = useState(false);
  const [reason, setReason] = useState('');
  const [confirm, setConfirm] = useState<number | string>('');
  const forGood = days === '0';
  const save = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/recordings/{recording}/redactions', {
      params: { path: { customer, recording: detail.id } }, body: { stretches, original_days: Number(days), tone, reason, ...(forGood ? { confirm: Number(confirm) } : {}) },
    })),
    onSuccess: () => {
      toast('The redacted copy is what everyone hears now.');
      return client.invalidateQueries({ queryKey: here(customer, 'recording', detail.id) });
    },
  });
  return (
    <Stack gap="xs">
      <Group align="end">
        <Select label="The original" data={periods} value={days} onChange={(v) => v && setDays(v)} allowDeselect={false} />
        <Checkbox label="A tone in its place" checked={tone} onChange={(e) => setTone(e.currentTarget.checked)} mb={8} />
      </Group>
      <TextInput label="Why? The change log keeps this." value={reason} maxLength={300} onChange={(e) => setReason(e.currentTarget.value)} />
      {forGood && (
        <>
          <Text size="sm">{count(stretches.length, 'stretch', 'stretches')}, {spoken(total(stretches))} altogether, {stretches.length === 1 ? 'goes' : 'go'} for good, not to come back from a backup either. Under a legal hold the original stays until it is lifted.</Text>
          <NumberInput label={`Type ${stretches.length} to confirm`} hideControls value={confirm} onChange={setConfirm} w={220} />
        </>
      )}
      {save.error != null && <Failed error={save.error} />}
      <Group><Button onClick={() => save.mutate()} loading={save.isPending} color={forGood ? 'red' : undefined} disabled={reason.trim() === '' || (forGood && (confirm === '' || Number(confirm) !== stretches.length))}>Redact</Button></Group>
    </Stack>
  );
}
