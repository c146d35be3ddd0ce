import dayjs from 'dayjs';
import { expect, test } from 'vitest';
import { active, ariaSort, backwards, presets, query, range, read, shorter, tidy, turn } from './filters';

test('what makes no sense in the address is left out', () => {
  expect(read({ from: '2026-02-31x', to: 'soon', min: '-4', max: 'NaN', direction: 'sideways', sort: 'bytes', words: '  ', open: 'rec_1' })).toEqual({ open: 'rec_1' });
  // The router lays this over what was typed: what is not named stays.
  expect(Object.keys(read({ from: 'yesterday', state: 'bogus' }))).toEqual(expect.arrayContaining(['from', 'state']));
  expect(read({ state: 'empty' }).state).toBeUndefined();
  expect(read({ state: 'not-transcribed' }).state).toBe('not-transcribed');
  expect(read({ number: 441614960152, min: '30', at: 12.7, sentiment: 'negative' })).toEqual({ number: '441614960152', min: 30, at: 12, sentiment: 'negative' });
});

test('the address holds only what differs from the default', () => {
  expect(tidy({ sort: '-started_at', words: '', queue: 'billing' })).toEqual({ queue: 'billing' });
});

test('the last day counts whole', () => {
  const q = query({ from: '2026-03-29', to: '2026-03-29' });
  expect(dayjs(q.to).diff(dayjs(q.from), 'hour')).toBeGreaterThanOrEqual(23);
  expect(dayjs(q.to).format('YYYY-MM-DD')).toBe('2026-03-30');
  expect(q.sort).toBe('-started_at');
});

test('what ends before it begins is seen', () => {
  expect([{ from: '2026-02-01', to: '2026-01-31' }, { from: '2026-01-31', to: '2026-01-31' }, { from: '2026-02-01' }, { to: '2026-01-31' }].map(backwards)).toEqual([true, false, false, false]);
  expect([{ min: 60, max: 30 }, { min: 30, max: 30 }, { min: 60 }, { min: 60, max: 0 }, { max: 30 }].map(shorter)).toEqual([true, false, false, false, false]);
});

test('only what narrows the list is counted', () => {
  expect(active({ sort: 'seconds', open: 'rec_1', at: 3 })).toBe(0);
  expect(active({ from: '2026-01-01', to: '2026-01-02', min: 1, max: 2, words: 'refund' })).toBe(3);
});

test('a column turns to its interesting end first', () => {
  expect(turn('seconds', '-started_at')).toBe('-seconds');
  expect(turn('seconds', '-seconds')).toBe('seconds');
  expect(turn('sentiment')).toBe('sentiment');
  expect(turn('started_at', '-started_at')).toBe('started_at');
  expect(ariaSort('seconds', '-seconds')).toBe('descending');
  expect(ariaSort('seconds')).toBe('none');
});

test('presets are right on a Sunday and on the first of a month', () => {
  const sunday = dayjs('2026-11-01');
  const named = Object.fromEntries(presets(sunday).map((p) => [p.label, p]));
  expect(named['This week']).toMatchObject({ from: '2026-10-26', to: '2026-11-01' });
  expect(named['Last month']).toMatchObject({ from: '2026-10-01', to: '2026-10-31' });
  expect(range({ from: '2026-10-31', to: '2026-10-31' }, sunday)).toBe('Yesterday');
  expect(range({ from: '2026-01-05' }, sunday)).toBe('Since 5 Jan 2026');
  expect(range({}, sunday)).toBe('Any time');
});
