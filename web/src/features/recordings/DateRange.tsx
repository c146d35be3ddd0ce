import { Button, Group, Popover, Stack } from '@mantine/core';
import { DatePicker } from '@mantine/dates';
import '@mantine/dates/styles.css';
import { useEffect, useState } from 'react';
import { Icon } from '../../ui/Icon';
import { backwards, presets, range, type Filters } from './filters';

type Draft = [string | null, string | null];
type Days = Pick<Filters, 'from' | 'to'>;

/** DateRange chooses days: by a name for the usual ones, or on a calendar. */
export function DateRange({ value: filters, set }: { value: Days; set: (days: Days) => void }) {
  const [opened, setOpened] = useState(false);
  const wrong = backwards(filters);
  const pick = (from?: string, to?: string) => set({ from, to });
  const [draft, setDraft] = useState<Draft>([filters.from ?? null, filters.to ?? null]);
  useEffect(() => setDraft([filters.from ?? null, filters.to ?? null]), [filters.from, filters.to]);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" fw={500} c={wrong ? 'var(--mantine-color-error)' : undefined} leftSection={<Icon name={wrong ? 'warn' : 'clock'} size={16} />} onClick={() => setOpened((o) => !o)}>
          {range(filters)}
          {wrong && ': ends before it begins'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Dates">
        <Group align="flex-start" gap="md">
          <Stack gap={2}>
            {presets().map((p) => (
              <Button key={p.label} variant={range(filters) === p.label ? 'light' : 'subtle'} color={range(filters) === p.label ? undefined : 'gray'} size="xs" justify="flex-start" onClick={() => { pick(p.from, p.to); setOpened(false); }}>
                {p.label}
              </Button>
            ))}
            <Button variant="subtle" color="gray" size="xs" justify="flex-start" onClick={() => { pick(); setOpened(false); }}>
              Any time
            </Button>
          </Stack>
          <DatePicker
            type="range" allowSingleDateInRange value={draft} firstDayOfWeek={1} maxDate={new Date()} size="sm"
            ariaLabels={{ nextMonth: 'Next month', previousMonth: 'Previous month' }}
            onChange={(v) => {
              setDraft(v as Draft);
              if (v[0] && v[1]) pick(String(v[0]).slice(0, 10), String(v[1]).slice(0, 10));
            }}
          />
        </Group>
      </Popover.Dropdown>
    </Popover>
  );
}
