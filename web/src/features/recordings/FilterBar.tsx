import { Button, Checkbox, CloseButton, Group, Indicator, NumberInput, Pill, Popover, Select, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import dayjs from 'dayjs';
import { useEffect, useRef, useState } from 'react';
import { Icon } from '../../ui/Icon';
import { words } from '../../ui/format';
import { DateRange } from './DateRange';
import { active, directions, range, sentiments, shorter, stateLabel, states, type Filters } from './filters';

type Props = { filters: Filters; set: (change: Partial<Filters>) => void; clear: () => void; queues: string[]; tags: { id: string; name: string }[] };

/** The search field has this id, so that "/" finds it. */
export const searchID = 'words-said';

/** FilterBar narrows the list. What it holds is the address, so it can be sent to a colleague. */
export function FilterBar(props: Props) {
  const { filters, set } = props;
  return (
    <Stack gap="xs" mb="sm">
      <Group gap="xs" role="search" aria-label="Filter recordings">
        <Typed
          id={searchID} value={filters.words} set={(words) => set({ words })} label="Words that were said" placeholder="Words that were said"
          icon least={2} style={{ flex: '1 1 270px', maxWidth: 360 }}
        />
        <DateRange value={filters} set={set} />
        <Select
          visibleFrom="md" w={140} aria-label="Direction" placeholder="Any direction" clearable value={filters.direction ?? null}
          data={directions.map((d) => ({ value: d, label: words(d) }))} onChange={(v) => set({ direction: (v ?? undefined) as Filters['direction'] })}
        />
        <Select
          visibleFrom="md" w={140} aria-label="Sentiment" placeholder="Any sentiment" clearable value={filters.sentiment ?? null}
          data={sentiments.map((d) => ({ value: d, label: words(d) }))} onChange={(v) => set({ sentiment: (v ?? undefined) as Filters['sentiment'] })}
        />
        <More {...props} />
      </Group>
      <Chosen {...props} />
    </Stack>
  );
}

/** Typed is a field that asks when the typing pauses, not at each letter. */
function Typed({ id, value, set, label, placeholder, icon, visible, least = 1, style }: {
  id?: string;
  value?: string;
  set: (v: string | undefined) => void;
  label: string;
  placeholder?: string;
  icon?: boolean;
  visible?: boolean;
  least?: number; // letters, before it asks by itself
  style?: React.CSSProperties;
}) {
  const [text, setText] = useState(value ?? '');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // While it is being typed in, the field leads: an address that comes late must not undo what was typed since.
    if (document.activeElement !== field.current) setText(value ?? '');
  }, [value]);
  const ask = (v: string) => set(v.trim() || undefined);
  const later = useDebouncedCallback((v: string) => {
    if (v.trim().length >= least || v.trim() === '') ask(v);
  }, 350);
  const change = (v: string) => {
    setText(v);
    later(v);
  };
  return (
    <TextInput
      ref={field} id={id} value={text} style={style} placeholder={placeholder} {...(visible ? { label } : { 'aria-label': label })} onChange={(e) => change(e.currentTarget.value)}
      leftSection={icon ? <Icon name="search" size={16} /> : undefined} autoComplete="off" spellCheck={false}
      rightSection={text ? <CloseButton size="sm" aria-label={`Clear: ${label}`} onClick={() => { setText(''); ask(''); }} /> : undefined}
      onKeyDown={(e) => {
        if (e.key === 'Enter') ask(text);
        if (icon && e.key === 'ArrowDown') {
          e.preventDefault();
          document.querySelector<HTMLElement>('[data-row]')?.focus();
        }
      }}
    />
  );
}

function More({ filters, set, queues, tags }: Props) {
  const [opened, setOpened] = useState(false);
  const n = active({ ...filters, words: undefined, from: undefined, to: undefined });
  const minutes = (s?: number) => (s === undefined ? '' : s / 60);
  const seconds = (v: string | number) => (v === '' ? undefined : Math.round(Number(v) * 60));
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={340} shadow="md" trapFocus returnFocus>
      <Indicator disabled={n === 0} label={n} size={18} color="pine.8">
        <Popover.Target>
          <Button variant="default" fw={500} leftSection={<Icon name="filter" size={16} />} onClick={() => setOpened((o) => !o)}>
            Filters
          </Button>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown aria-label="Filters">
        <SimpleGrid cols={2} spacing="sm">
          <Typed visible label="Number" value={filters.number} set={(number) => set({ number })} />
          <Typed visible label="Extension" value={filters.extension} set={(extension) => set({ extension })} />
          <Select label="Queue" placeholder="Any" searchable clearable value={filters.queue ?? null} data={[...new Set([...queues, ...(filters.queue ? [filters.queue] : [])])].sort()} onChange={(v) => set({ queue: v ?? undefined })} comboboxProps={{ withinPortal: false }} nothingFoundMessage="No such queue here" />
          <Select label="State" placeholder="Any" clearable value={filters.state ?? null} data={states} onChange={(v) => set({ state: v ?? undefined })} comboboxProps={{ withinPortal: false }} />
          <Select label="Direction" placeholder="Any" clearable value={filters.direction ?? null} data={directions.map((d) => ({ value: d, label: words(d) }))} onChange={(v) => set({ direction: (v ?? undefined) as Filters['direction'] })} comboboxProps={{ withinPortal: false }} />
          <Select label="Sentiment" placeholder="Any" clearable value={filters.sentiment ?? null} data={sentiments.map((s) => ({ value: s, label: words(s) }))} onChange={(v) => set({ sentiment: (v ?? undefined) as Filters['sentiment'] })} comboboxProps={{ withinPortal: false }} />
          <NumberInput label="Minutes, at least" min={0} decimalScale={2} value={minutes(filters.min)} onChange={(v) => set({ min: seconds(v) })} />
          <NumberInput label="Minutes, at most" min={0} decimalScale={2} value={minutes(filters.max)} onChange={(v) => set({ max: seconds(v) })} error={shorter(filters) && 'Shorter than “at least”'} />
          <Select label="Label" placeholder="Any" searchable clearable value={filters.tag ?? null} data={tags.map((t) => ({ value: t.id, label: t.name }))} onChange={(v) => set({ tag: v ?? undefined })} comboboxProps={{ withinPortal: false }} nothingFoundMessage="No such label" />
          <TextInput type="date" label="Goes on or before" value={filters.due ?? ''} onChange={(e) => set({ due: e.currentTarget.value || undefined })} />
        </SimpleGrid>
        <Checkbox mt="sm" label="Only under a legal hold" checked={!!filters.held} onChange={(e) => set({ held: e.currentTarget.checked || undefined })} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** Chosen shows what narrows the list, each to be taken away. */
function Chosen({ filters: f, set, clear, tags }: Props) {
  const length = [f.min !== undefined && `from ${f.min / 60} min`, f.max !== undefined && `to ${f.max / 60} min`].filter(Boolean).join(' ');
  const pills: [string, Partial<Filters>][] = [];
  if (f.words) pills.push([`Said: ${f.words}`, { words: undefined }]);
  if (f.from || f.to) pills.push([range(f), { from: undefined, to: undefined }]);
  if (f.direction) pills.push([words(f.direction), { direction: undefined }]);
  if (f.sentiment) pills.push([words(f.sentiment), { sentiment: undefined }]);
  if (f.number) pills.push([`Number ${f.number}`, { number: undefined }]);
  if (f.extension) pills.push([`Extension ${f.extension}`, { extension: undefined }]);
  if (f.queue) pills.push([`Queue ${f.queue}`, { queue: undefined }]);
  if (f.state) pills.push([stateLabel(f.state), { state: undefined }]);
  if (f.due) pills.push([`Goes by ${dayjs(f.due).format('D MMM YYYY')}`, { due: undefined }]);
  if (f.held) pills.push(['Held', { held: undefined }]);
  if (f.tag) pills.push([`Label ${tags.find((t) => t.id === f.tag)?.name ?? ''}`, { tag: undefined }]);
  if (length) pills.push([`Length ${length}`, { min: undefined, max: undefined }]);
  if (pills.length === 0) return null;
  return (
    <Group gap={6}>
      {pills.map(([text, off]) => (
        <Pill key={text} withRemoveButton onRemove={() => set(off)} removeButtonProps={{ 'aria-label': `Remove filter: ${text}`, tabIndex: 0, 'aria-hidden': false }}>
          {text}
        </Pill>
      ))}
      {pills.length > 1 && (
        <Button variant="subtle" size="compact-xs" color="gray" onClick={clear}>
          Clear all
        </Button>
      )}
    </Group>
  );
}
