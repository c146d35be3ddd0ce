import type { Transcript, Turn } from '../../api/types';

/** where finds the turn and word that are heard at a time; between words, the one before. Turns may overlap: the latest to start wins. */
export function where(turns: readonly Turn[], at: number): { turn: number; word: number } {
  let turn = -1;
  for (let i = 0; i < turns.length && turns[i]!.start <= at; i++) {
    if (at < turns[i]!.end || turn < 0 || turns[turn]!.end <= at) turn = i;
  }
  if (turn < 0) return { turn: -1, word: -1 };
  const words = turns[turn]!.words;
  let word = -1;
  for (let i = 0; i < words.length && words[i]!.start <= at; i++) word = i;
  return { turn, word };
}

/** fold makes words comparable: no case, no accents, no punctuation at the ends. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
}

/** terms splits what was searched; each of them is looked for on its own, as the server does. */
export function terms(search: string): string[] {
  return search.split(/\s+/).map(fold).filter(Boolean);
}

/** hits are the turns in which a term begins a word, in order. */
export function hits(turns: readonly Turn[], search: string): number[] {
  const wanted = terms(search);
  if (wanted.length === 0) return [];
  return turns.flatMap((t, i) => (t.text.split(/\s+/).some((w) => wanted.some((x) => fold(w).startsWith(x))) ? [i] : []));
}

/** marked says whether one word is among those searched. */
export function marked(word: string, wanted: readonly string[]): boolean {
  const w = fold(word);
  return w !== '' && wanted.some((x) => w.startsWith(x));
}

/** doubtful words are shown so: the engine gave them less than this. -1 means it does not say. */
export const doubtful = (confidence: number) => confidence >= 0 && confidence < 0.5;

/** pieces are a turn's words with their times, or, where the engine has none, its text as one. */
export function pieces(turn: Turn): { text: string; start: number; doubtful: boolean }[] {
  if (turn.words.length === 0) return turn.text.split(/\s+/).filter(Boolean).map((text) => ({ text, start: turn.start, doubtful: false }));
  return turn.words.map((w) => ({ text: w.text, start: w.start, doubtful: doubtful(w.confidence) }));
}

/** plain is the transcript as text, for the clipboard. */
export function plain(t: Transcript, clock: (s: number) => string): string {
  return t.turns.map((turn) => `[${clock(turn.start)}] ${t.speakers ? `${speaker(turn.speaker)}: ` : ''}${turn.text}`).join('\n');
}

/** speaker is what a channel's party is called on screen. */
export function speaker(name: string): string {
  return { customer: 'Caller', agent: 'Agent', caller: 'Caller', mix: 'Everyone', left: 'Left', right: 'Right' }[name] ?? 'Speaker';
}
