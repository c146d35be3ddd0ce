import { expect, test } from 'vitest';
import type { Turn } from '../../api/types';
import { doubtful, fold, hits, marked, pieces, terms, where } from './transcript';

const turn = (start: number, end: number, text: string): Turn => ({
  start, end, text, speaker: 'agent', channel: 0, sentiment: null,
  words: text.split(' ').map((w, i, all) => ({ text: w, start: start + (i * (end - start)) / all.length, end: 0, confidence: 1 })),
});
const turns = [turn(1, 3, 'Good morning, billing.'), turn(4, 8, 'You charged me twice'), turn(6, 7, 'Sorry')];

test('the word that is heard', () => {
  expect(where(turns, 0.5)).toEqual({ turn: -1, word: -1 });
  expect(where(turns, 1)).toEqual({ turn: 0, word: 0 });
  expect(where(turns, 3.5)).toEqual({ turn: 0, word: 2 });
  expect(where(turns, 5.2)).toEqual({ turn: 1, word: 1 });
  expect(where(turns, 6.5)).toEqual({ turn: 2, word: 0 });
  expect(where(turns, 7.5)).toEqual({ turn: 1, word: 3 });
  expect(where([], 1)).toEqual({ turn: -1, word: -1 });
});

test('searching is blind to case, accents and punctuation', () => {
  expect(fold('“Café!”')).toBe('cafe');
  expect(terms('  Charged  TWICE. ')).toEqual(['charged', 'twice']);
  expect(hits(turns, 'charg')).toEqual([1]);
  expect(hits(turns, 'morning sorry')).toEqual([0, 2]);
  expect(hits(turns, ' ?')).toEqual([]);
  expect(marked('Billing,', terms('bill'))).toBe(true);
  expect(marked('…', terms('bill'))).toBe(false);
});

test('a word is doubtful only when the engine says so', () => {
  expect([doubtful(-1), doubtful(0.49), doubtful(0.5)]).toEqual([false, true, false]);
  expect(pieces({ ...turns[0]!, words: [] }).map((p) => p.start)).toEqual([1, 1, 1]);
});
