import dayjs from 'dayjs';
import { expect, test } from 'vitest';
import { advice, problem, Problem } from '../api/errors';
import { ago, bytes, clock, count, day, spoken, took, until, words } from './format';

test('lengths and sizes', () => {
  expect([0, 7.9, 61, 3723, -1, NaN].map(clock)).toEqual(['0:00', '0:07', '1:01', '1:02:03', '0:00', '0:00']);
  expect([0, 1, 125, 3600].map(spoken)).toEqual(['0 seconds', '1 second', '2 minutes 5 seconds', '1 hour']);
  expect([0, 0.4, 1.9].map(took)).toEqual(['0 seconds', 'under a second', '1 second']);
  expect([0, 999, 1000, 130_000, 2_500_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '130 kB', '2.5 GB']);
  expect([count(1, 'file'), count(1200, 'file'), count(0, 'entry', 'entries')]).toEqual(['1 file', '1,200 files', '0 entries']);
});

test('days and spans', () => {
  const now = dayjs('2026-11-22T12:00:00');
  expect(['2026-11-22T00:10:00', '2026-11-21T23:50:00', '2026-11-02T10:00:00', '2025-11-22T10:00:00'].map((d) => day(d, now))).toEqual(['Today', 'Yesterday', 'Mon 2 Nov', '22 Nov 2025']);
  expect([null, '2026-11-22T11:59:40', '2026-11-22T11:59:00', '2026-11-21T12:00:00', '2026-11-12T12:00:00'].map((d) => ago(d, now))).toEqual(['never', 'just now', '1 minute ago', '24 hours ago', '10 days ago']);
  expect(['2026-11-22T14:05:00', '2026-11-23T09:00:00', '2026-11-22T11:59:59'].map((d) => until(d, now))).toEqual(['until 14:05', 'until 23 Nov, 09:00', 'for its turn']);
  expect(words('recording.captured')).toBe('Recording captured');
});

test('every failure becomes a sentence', () => {
  const answer = (status: number, headers = {}) => new Response(null, { status, headers });
  const p = problem(answer(422), { title: 'Unprocessable Entity', errors: [{ location: 'body.days', message: 'expected number >= 1' }] });
  expect(p.about('days')).toBe('expected number >= 1');
  expect(advice(p).text).toBe('Expected number >= 1.');
  expect(advice(problem(answer(429, { 'Retry-After': '30' }), null)).text).toContain('30 seconds');
  expect(advice(problem(answer(500), '<html>')).text).not.toContain('html');
  expect(advice(new Problem(404, 'Not Found', '')).title).toBe('Not here');
  expect(advice(new TypeError('Failed to fetch')).title).toBe('The server does not answer');
});
