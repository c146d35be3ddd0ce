import { Button, Checkbox, Group, Modal, MultiSelect, NumberInput, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { tags, type Rule, type When } from './data';

const thens = [
  { value: 'delete-all', label: 'Destroy everything' },
  { value: 'delete-sound', label: 'Destroy the sound, keep the transcript' },
  { value: 'keep-figures', label: 'Keep figures only: when, how long, which queue' },
];

/** Days asks for a number of days, or for ever: a field that was emptied is neither. */
function Days({ label, description, forever, value, onChange }: { label: string; description?: string; forever: string; value: number; onChange: (days: number) => void }) {
  const [typed, setTyped] = useState<number | string>(value || '');
  return (
    <Group align="flex-end">
      <NumberInput label={label} description={description} required={value !== 0} disabled={value === 0} min={1} max={36500} clampBehavior="none" allowDecimal={false} value={value === 0 ? '' : typed} w={240}
        error={value !== 0 && typed !== '' && (Number(typed) < 1 || Number(typed) > 36500) ? 'Between 1 and 36,500 days, which is a hundred years' : undefined}
        onChange={(v) => { setTyped(v); onChange(Number(v) || -1); }}
      />
      <Checkbox mb={8} label={forever} checked={value === 0} onChange={(e) => { setTyped(''); onChange(e.currentTarget.checked ? 0 : -1); }} />
    </Group>
  );
}

/** Conditions asks which recordings are meant. */
function Conditions({ customer, value, onChange }: { customer: string; value: When; onChange: (w: When) => void }) {
  const labels = useQuery(tags(customer)).data?.items ?? [];
  const when = (part: Partial<When>) => onChange({ ...value, ...part });
  return (
    <>
      <Group grow align="flex-start">
        <TagsInput label="Queues" value={value.queues ?? []} onChange={(v) => when({ queues: v })} />
        <TagsInput label="Extensions" value={value.extensions ?? []} onChange={(v) => when({ extensions: v })} />
      </Group>
      <Group grow align="flex-start">
        <MultiSelect label="Directions" data={['inbound', 'outbound', 'internal']} value={value.directions ?? []} onChange={(v) => when({ directions: v })} />
        <MultiSelect label="Outcomes" data={['answered', 'abandoned', 'unanswered']} value={value.outcomes ?? []} onChange={(v) => when({ outcomes: v })} />
      </Group>
      <Group grow align="flex-start">
        <MultiSelect label="What was found" data={[{ value: 'card-data', label: 'Card numbers' }, { value: 'security-code', label: 'Security codes' }]} value={value.marks ?? []} onChange={(v) => when({ marks: v })} />
        <MultiSelect label="Labels" data={labels.map((t) => ({ value: t.id, label: t.name }))} value={value.tags ?? []} onChange={(v) => when({ tags: v })} nothingFoundMessage="There are no labels yet" />
      </Group>
      <Group grow align="flex-start">
        <TagsInput label="Languages" placeholder="en, de" value={value.languages ?? []} onChange={(v) => when({ languages: v })} />
        <Group grow wrap="nowrap">
          <NumberInput label="Seconds from" min={0} value={value.length?.from ?? ''} onChange={(v) => when({ length: v === '' && !value.length?.to ? undefined : { from: Number(v) || 0, to: value.length?.to ?? 0 } })} />
          <NumberInput label="to" min={0} value={value.length?.to || ''} onChange={(v) => when({ length: v === '' && !value.length?.from ? undefined : { from: value.length?.from ?? 0, to: Number(v) || 0 } })} />
        </Group>
      </Group>
    </>
  );
}

/** WhenForm asks to which recordings a ready-made set is applied. */
export function WhenForm({ customer, title, when, onClose, onDone }: { customer: string; title: string; when: When; onClose: () => void; onDone: (w: When) => void }) {
  const [value, setValue] = useState(when);
  return (
    <Modal opened onClose={onClose} title={title} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); onDone(value); }}>
        <Stack>
          <Text size="sm" c="dimmed">To which recordings it is applied: all conditions that you give must hold, with any of their values. Without any, to all recordings.</Text>
          <Conditions customer={customer} value={value} onChange={setValue} />
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit">Take over</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** RuleForm asks for one rule. What is wrong with it is said when the rules are looked at as a whole. */
export function RuleForm({ rule, standard, customer, onClose, onDone }: {
  rule?: Rule;
  standard?: boolean; // the default: no condition and no name
  customer: string;
  onClose: () => void;
  onDone: (r: Rule) => void;
}) {
  const [f, setF] = useState<Rule>(rule ?? { name: '', when: {}, days: 90, then: 'delete-all' });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (f.days < 0 || f.days > 36500 || (f.then === 'delete-sound' && ((f.text_days ?? 0) < 0 || (f.text_days ?? 0) > 36500))) return;
    onDone(f.then === 'delete-sound' ? f : { ...f, text_days: 0 });
  };
  return (
    <Modal opened onClose={onClose} title={standard ? 'Where no rule fits' : rule ? 'Change the rule' : 'A rule'} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {!standard && (
            <>
              <TextInput label="Name" required maxLength={100} value={f.name} onChange={(e) => setF({ ...f, name: e.currentTarget.value })} data-autofocus />
              <Text size="sm" c="dimmed">Which recordings: all conditions that you give must hold, with any of their values. The rule with the most conditions counts.</Text>
              <Conditions customer={customer} value={f.when} onChange={(when) => setF({ ...f, when })} />
            </>
          )}
          <Days label="Days, counted from the call" forever="For ever" value={f.days} onChange={(days) => setF({ ...f, days })} />
          <Select label="Then" data={thens} value={f.then} allowDeselect={false} onChange={(v) => setF({ ...f, then: v ?? 'delete-all' })} />
          {f.then === 'delete-sound' && <Days label="Transcript goes after days" description="Counted from the call" forever="It stays for ever" value={f.text_days ?? 0} onChange={(days) => setF({ ...f, text_days: days })} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit">Take over</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
