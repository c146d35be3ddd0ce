import { expect, test } from 'vitest';
import { covered, spanned, total } from './stretches';

const at = (start: number, end: number) => ({ start, end, channel: -1, entity: '' });

test('two ends are put in order and kept within the sound', () => {
  expect(spanned(5, 2, 10)).toEqual({ start: 2, end: 5 });
  expect(spanned(-3, 99, 10)).toEqual({ start: 0, end: 10 });
});

test('what overlaps counts once', () => {
  expect(total([at(4, 8), at(1, 5), at(9, 10)])).toBe(8);
  expect(total([])).toBe(0);
});

test('a moment is covered from the start of a stretch to before its end', () => {
  expect([0.9, 1, 1.9, 2].map((x) => covered([at(1, 2)], x))).toEqual([false, true, true, false]);
});
