import { Button, Group, Modal, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { useMe } from '../../api/me';
import { moment } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { add, root, surfaces, type Draft, type Effect, type Whose } from './rules';

const ends = [
  { value: '', label: 'Not by itself' },
  { value: '1', label: 'In one day' },
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '365', label: 'In one year' },
];

/** RuleForm adds a rule; trying it first shows what it would do and changes nothing. */
export function RuleForm({ whose, address, offered, onClose }: { whose: Whose; address: string; offered: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const me = useMe();
  const [form, setForm] = useState({ surface: offered[0]!, network: '', owner: me?.person.name ?? '', reason: '', days: '' });
  const draft = (): Draft => ({
    surface: form.surface, network: form.network, owner: form.owner, reason: form.reason,
    ...(form.days ? { until: dayjs().add(Number(form.days), 'day').toISOString() } : {}),
  });
  const dry = useMutation({ mutationFn: () => add(whose, draft(), true) });
  const save = useMutation({
    mutationFn: () => add(whose, draft(), false),
    onSuccess: () => {
      toast('The rule stands.');
      onClose();
      return client.invalidateQueries({ queryKey: root(whose) });
    },
  });
  const set = (change: Partial<typeof form>) => {
    setForm({ ...form, ...change });
    dry.reset();
    save.reset();
  };
  const error = save.error ?? dry.error;
  const p = error instanceof Problem ? error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Add a rule" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Select label="Way in" data={offered.map((s) => ({ value: s, label: surfaces[s]?.name ?? s }))} description={surfaces[form.surface]?.about} value={form.surface} onChange={(v) => set({ surface: v ?? form.surface })} allowDeselect={false} error={p?.about('surface')} />
          <TextInput label="Network" description={`An address, or a network such as 203.0.113.0/24. Yours is ${address || 'not known'}.`} required data-autofocus maxLength={60} value={form.network} onChange={(e) => set({ network: e.currentTarget.value })} error={p?.about('network')} />
          <Textarea label="Why" required autosize minRows={2} maxLength={300} value={form.reason} onChange={(e) => set({ reason: e.currentTarget.value })} error={p?.about('reason')} />
          <TextInput label="Who answers for it" required maxLength={100} value={form.owner} onChange={(e) => set({ owner: e.currentTarget.value })} error={p?.about('owner')} />
          <Select label="Ends" data={ends} value={form.days} onChange={(v) => set({ days: v ?? '' })} allowDeselect={false} w={200} error={p?.about('until')} />
          {dry.data && <Meaning effect={dry.data} />}
          {error != null && !p?.faults.length && <Failed error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button variant="default" onClick={() => dry.mutate()} loading={dry.isPending}>Try it first</Button>
            <Button type="submit" loading={save.isPending}>Add</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Meaning({ effect }: { effect: Effect }) {
  const s = effect.surface;
  return (
    <Text size="sm" role="status" fw={550}>
      {s.admits ? 'You would still come in.' : 'This way in would not be open to your address.'}
      {s.open_at && ` When the last rule runs out, on ${moment(s.open_at)}, it is open to all networks again.`} Nothing has changed yet.
    </Text>
  );
}
