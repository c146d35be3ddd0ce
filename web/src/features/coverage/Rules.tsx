import { Alert, Button, Checkbox, Group, Modal, NumberInput, Select, Stack, Switch, Table, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { useMay } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { count } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { excuses, preview, removeExcuse, saveExcuse, type Effect, type Excuse, type ExcuseSettings } from './data';

type Named = { id: string; name: string };

/** Rules say which calls rightly have no recording, whose decision that is, and why. */
export function Rules({ customer, sources }: { customer: string; sources: Named[] }) {
  const client = useQueryClient();
  const manage = useMay(customer)('source.manage');
  const query = useQuery(excuses(customer));
  const [editing, setEditing] = useState<Excuse | 'new' | null>(null);
  const [gone, setGone] = useState<Excuse | null>(null);
  const fresh = () => client.invalidateQueries({ queryKey: ['at', customer, 'coverage'] });
  const flip = useMutation({
    mutationFn: (e: Excuse) => saveExcuse(customer, e.id, { ...settingsOf(e), active: !e.active }),
    onSuccess: fresh,
    onError: () => toast('The rule could not be changed just now.', 'bad'),
  });
  return (
    <>
      <Card flush title="Rules" about="Which calls rightly have no recording. Owner and reason stand in the signed statements; what is captured is never touched."
        actions={manage && <Button variant="default" leftSection={<Icon name="plus" size={16} />} onClick={() => setEditing('new')}>Add a rule</Button>}
      >
        <Answered query={query} rows={2}>
          {(data) => (
            <Table.ScrollContainer minWidth={680}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Rule</Table.Th><Table.Th>Whose decision</Table.Th><Table.Th>In force</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((e) => (
                    <Table.Tr key={e.id}>
                      <Table.Td><Text size="sm" fw={550}>{e.text}{e.source_id && ` (${sources.find((s) => s.id === e.source_id)?.name ?? 'one source'})`}</Text><Text size="xs" c="dimmed">{e.reason}</Text></Table.Td>
                      <Table.Td>{e.built_in ? 'There from the start' : e.owner}</Table.Td>
                      <Table.Td><Switch checked={e.active} disabled={!manage || flip.isPending} onChange={() => flip.mutate(e)} aria-label={`In force: ${e.text}`} /></Table.Td>
                      <Table.Td ta="right">
                        {manage && !e.built_in && (
                          <Group gap={6} justify="flex-end" wrap="nowrap">
                            <Button size="compact-sm" variant="default" onClick={() => setEditing(e)} aria-label={`Change: ${e.text}`}>Change</Button>
                            <Button size="compact-sm" variant="default" onClick={() => setGone(e)} aria-label={`Remove: ${e.text}`}>Remove</Button>
                          </Group>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Answered>
      </Card>
      {editing && <Form excuse={editing === 'new' ? undefined : editing} customer={customer} sources={sources} onClose={() => setEditing(null)} onDone={fresh} />}
      <Confirm title="Remove this rule?" act="Remove" opened={gone !== null} onClose={() => setGone(null)} onConfirm={async () => {
        await removeExcuse(customer, gone!.id);
        await fresh();
      }}>
        What it excused is looked at anew: calls that no other rule excuses become missing.
      </Confirm>
    </>
  );
}

const kinds: { value: ExcuseSettings['kind']; label: string }[] = [
  { value: 'direction', label: 'Calls of a direction' },
  { value: 'extension', label: 'Extensions that are not recorded' },
  { value: 'queue', label: 'Queues that are not recorded' },
  { value: 'shorter', label: 'Short calls' },
  { value: 'paused', label: 'Recording paused by the telephone system' },
  { value: 'outside_hours', label: 'Outside of the agreed hours' },
];

const settingsOf = (e: Excuse): ExcuseSettings => ({
  kind: e.kind, source_id: e.source_id, owner: e.owner, reason: e.reason, active: e.active, directions: e.directions, extensions: e.extensions, queues: e.queues, seconds: e.seconds, weekdays: e.weekdays, from: e.from, to: e.to,
});

const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function Form({ excuse, customer, sources, onClose, onDone }: { excuse?: Excuse; customer: string; sources: Named[]; onClose: () => void; onDone: () => unknown }) {
  const [f, setF] = useState<ExcuseSettings>(excuse ? settingsOf(excuse) : { kind: 'direction', owner: '', reason: '', active: true, directions: ['internal'] });
  const [effect, setEffect] = useState<Effect | null>(null);
  const set = (part: Partial<ExcuseSettings>) => {
    setF({ ...f, ...part });
    setEffect(null);
  };
  const look = useMutation({ mutationFn: () => preview(customer, excuse?.id, f), onSuccess: setEffect });
  const save = useMutation({
    mutationFn: () => saveExcuse(customer, excuse?.id, f),
    onSuccess: async (done) => {
      toast(`Saved: ${count(done.effect.excused, 'call')} excused.`);
      onClose();
      await onDone();
    },
  });
  const error = save.error ?? look.error;
  const p = error instanceof Problem ? error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (effect) save.mutate();
    else look.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={excuse ? 'Change the rule' : 'Which calls need no recording?'} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Select label="Rule" data={kinds} value={f.kind} allowDeselect={false} onChange={(v) => set({ kind: v as ExcuseSettings['kind'] })} data-autofocus />
          {sources.length > 1 && <Select label="Source" data={[{ value: '', label: 'All sources' }, ...sources.map((s) => ({ value: s.id, label: s.name }))]} value={f.source_id ?? ''} allowDeselect={false} onChange={(v) => set({ source_id: v || undefined })} />}
          {f.kind === 'direction' && (
            <Checkbox.Group label="Directions" value={f.directions ?? []} onChange={(v) => set({ directions: v })} error={p?.about('directions')}>
              <Group mt={6}><Checkbox value="inbound" label="Inbound" /><Checkbox value="outbound" label="Outbound" /><Checkbox value="internal" label="Internal" /></Group>
            </Checkbox.Group>
          )}
          {f.kind === 'extension' && <TagsInput label="Extensions" description="A call is excused when all its telephones are on the list" value={f.extensions ?? []} onChange={(v) => set({ extensions: v })} error={p?.about('extensions')} />}
          {f.kind === 'queue' && <TagsInput label="Queues" value={f.queues ?? []} onChange={(v) => set({ queues: v })} error={p?.about('queues')} />}
          {f.kind === 'shorter' && <NumberInput label="Shorter than (seconds)" min={1} max={600} value={f.seconds || ''} onChange={(v) => set({ seconds: Number(v) || 0 })} error={p?.about('seconds')} />}
          {f.kind === 'outside_hours' && (
            <>
              <Group grow align="flex-start">
                <TextInput label="Recording is agreed from" type="time" value={f.from ?? ''} onChange={(e) => set({ from: e.currentTarget.value })} error={p?.about('from')} />
                <TextInput label="to" type="time" value={f.to ?? ''} onChange={(e) => set({ to: e.currentTarget.value })} />
              </Group>
              <Checkbox.Group label="On these days" value={(f.weekdays ?? []).map(String)} onChange={(v) => set({ weekdays: v.map(Number) })} error={p?.about('weekdays')}>
                <Group mt={6}>{days.map((d, i) => <Checkbox key={d} value={String(i + 1)} label={d} />)}</Group>
              </Checkbox.Group>
            </>
          )}
          <TextInput label="Whose decision" required value={f.owner} maxLength={200} onChange={(e) => set({ owner: e.currentTarget.value })} error={p?.about('owner')} />
          <Textarea label="Reason" description="Stands in the signed statements" required value={f.reason} maxLength={1000} autosize minRows={2} onChange={(e) => set({ reason: e.currentTarget.value })} error={p?.about('reason')} />
          {effect && (
            <Alert variant="light" color="gray" title={`${count(effect.excused, 'call')} of ${effect.open} without a recording would be excused`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {effect.missing > 0 ? `${count(effect.missing, 'call')} that the rule excuses now would be missing. ` : ''}What is captured is not touched.
            </Alert>
          )}
          {error != null && !p?.faults.length && <Failed error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={look.isPending || save.isPending}>{effect ? 'Save' : 'See what it would do'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
