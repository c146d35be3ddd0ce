import { Button, Group, Modal, MultiSelect, NumberInput, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { tags, type Rule, type When } from './data';

const thens = [
  { value: 'delete-all', label: 'Destroy everything' },
  { value: 'delete-sound', label: 'Destroy the sound, keep the transcript' },
  { value: 'keep-figures', label: 'Keep figures only: when, how long, which queue' },
];

/** RuleForm asks for one rule. What is wrong with it is said when the rules are looked at as a whole. */
export function RuleForm({ rule, standard, customer, onClose, onDone }: {
  rule?: Rule;
  standard?: boolean; // the default: no condition and no name
  customer: string;
  onClose: () => void;
  onDone: (r: Rule) => void;
}) {
  const [f, setF] = useState<Rule>(rule ?? { name: '', when: {}, days: 90, then: 'delete-all' });
  const labels = useQuery(tags(customer)).data?.items ?? [];
  const when = (part: Partial<When>) => setF({ ...f, when: { ...f.when, ...part } });
  const submit = (e: FormEvent) => {
    e.preventDefault();
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
              <Group grow align="flex-start">
                <TagsInput label="Queues" value={f.when.queues ?? []} onChange={(v) => when({ queues: v })} />
                <TagsInput label="Extensions" value={f.when.extensions ?? []} onChange={(v) => when({ extensions: v })} />
              </Group>
              <Group grow align="flex-start">
                <MultiSelect label="Directions" data={['inbound', 'outbound', 'internal']} value={f.when.directions ?? []} onChange={(v) => when({ directions: v })} />
                <MultiSelect label="Outcomes" data={['answered', 'abandoned', 'unanswered']} value={f.when.outcomes ?? []} onChange={(v) => when({ outcomes: v })} />
              </Group>
              <Group grow align="flex-start">
                <MultiSelect label="What was found" data={[{ value: 'card-data', label: 'Card numbers' }, { value: 'security-code', label: 'Security codes' }]} value={f.when.marks ?? []} onChange={(v) => when({ marks: v })} />
                <MultiSelect label="Labels" data={labels.map((t) => ({ value: t.id, label: t.name }))} value={f.when.tags ?? []} onChange={(v) => when({ tags: v })} nothingFoundMessage="There are no labels yet" />
              </Group>
              <Group grow align="flex-start">
                <TagsInput label="Languages" placeholder="en, de" value={f.when.languages ?? []} onChange={(v) => when({ languages: v })} />
                <Group grow wrap="nowrap">
                  <NumberInput label="Seconds from" min={0} value={f.when.length?.from ?? ''} onChange={(v) => when({ length: v === '' && !f.when.length?.to ? undefined : { from: Number(v) || 0, to: f.when.length?.to ?? 0 } })} />
                  <NumberInput label="to" min={0} value={f.when.length?.to || ''} onChange={(v) => when({ length: v === '' && !f.when.length?.from ? undefined : { from: f.when.length?.from ?? 0, to: Number(v) || 0 } })} />
                </Group>
              </Group>
            </>
          )}
          <NumberInput label="Days, counted from the call" description="0: for ever" min={0} max={36500} value={f.days} onChange={(v) => setF({ ...f, days: Number(v) || 0 })} />
          <Select label="Then" data={thens} value={f.then} allowDeselect={false} onChange={(v) => setF({ ...f, then: v ?? 'delete-all' })} />
          {f.then === 'delete-sound' && <NumberInput label="Transcript goes after days" description="Counted from the call; 0: it stays for ever" min={0} max={36500} value={f.text_days ?? 0} onChange={(v) => setF({ ...f, text_days: Number(v) || 0 })} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit">Take over</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
