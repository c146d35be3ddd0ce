import { Group, Text } from '@mantine/core';
import { sentence } from '../../api/errors';
import type { Recording } from '../../api/types';
import { until, words } from '../../ui/format';
import css from './recordings.module.css';

/** Feeling shows a sentiment as a place on a line and as a word: colour alone says nothing to many. */
export function Feeling({ score, label }: { score: number; label: string }) {
  return (
    <Group gap={8} wrap="nowrap">
      <span className={css.scale} aria-hidden="true">
        <span className={`${css.dot} ${label}`} style={{ left: `${50 + score * 50}%` }} />
      </span>
      <Text size="sm" span className={label}>
        {words(label)}
      </Text>
    </Group>
  );
}

/** Written says how far the transcript is, in a word or two; and why it waits, where it is put off. */
export function Written({ state, quality, reason, retry_at }: Recording['transcript']) {
  if (retry_at) {
    return (
      <>
        <Text size="sm" span c="var(--rf-agent)">Waits {until(retry_at)}</Text>
        <Text size="xs" c="dimmed" className="cut" title={sentence(reason)}>{sentence(reason)}</Text>
      </>
    );
  }
  const text: Record<string, string> = {
    none: 'No transcript',
    waiting: 'In line',
    working: 'Transcribing…',
    done: quality ? words(quality) : 'Done',
    failed: 'Failed',
    'not-transcribed': 'Not transcribed',
  };
  return (
    <Text size="sm" span c={state === 'failed' ? 'var(--mantine-color-error)' : state === 'done' ? undefined : 'dimmed'}>
      {text[state] ?? words(state)}
    </Text>
  );
}
