import dayjs from 'dayjs';

/** clock writes seconds as a player shows them: 0:07, 12:30, 1:02:03. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const two = (n: number) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** spoken writes seconds for a screen reader: "2 minutes 5 seconds". */
export function spoken(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const part = (n: number, unit: string) => (n === 0 ? '' : `${n} ${unit}${n === 1 ? '' : 's'}`);
  const parts = [part(Math.floor(s / 3600), 'hour'), part(Math.floor(s / 60) % 60, 'minute'), part(s % 60, 'second')];
  return parts.filter(Boolean).join(' ') || '0 seconds';
}

/** took is how long something lasted that was measured: what took less than a second was measured, too. */
export const took = (seconds: number): string => (seconds > 0 && seconds < 1 ? 'under a second' : spoken(seconds));

/** bytes in powers of 1,000, as disks are sold. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

/** count with its noun; plurals that are not +s are given. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`;
}

/** day is a heading for a row's date: Today, Yesterday, Mon 3 Nov, 3 Nov 2025. */
export function day(at: string, now = dayjs()): string {
  const d = dayjs(at);
  if (d.isSame(now, 'day')) return 'Today';
  if (d.isSame(now.subtract(1, 'day'), 'day')) return 'Yesterday';
  return d.format(d.isSame(now, 'year') ? 'ddd D MMM' : 'D MMM YYYY');
}

/** date is a day by itself. */
export const date = (at: string) => dayjs(at).format('D MMM YYYY');
export const time = (at: string) => dayjs(at).format('HH:mm');
export const moment = (at?: string | null) => (at ? dayjs(at).format('D MMM YYYY, HH:mm') : '–');
export const exact = (at?: string | null) => (at ? dayjs(at).format('ddd D MMMM YYYY, HH:mm:ss Z') : '');

/** ago is coarse on purpose: a list that counts seconds never rests. */
export function ago(at: string | null | undefined, now = dayjs()): string {
  if (!at) return 'never';
  const minutes = now.diff(dayjs(at), 'minute');
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${count(minutes, 'minute')} ago`;
  if (minutes < 48 * 60) return `${count(Math.round(minutes / 60), 'hour')} ago`;
  return `${count(Math.round(minutes / 1440), 'day')} ago`;
}

/** until is when something comes that is waited for: "until 14:05", with the day unless it is today. */
export function until(at: string, now = dayjs()): string {
  const d = dayjs(at);
  if (!d.isAfter(now)) return 'for its turn';
  return `until ${d.isSame(now, 'day') ? time(at) : d.format('D MMM, HH:mm')}`;
}

/** capital makes a text begin with one. */
export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** words turns a code into words: "not_transcribed" → "Not transcribed". */
export function words(code: string): string {
  const text = code.replaceAll(/[._-]+/g, ' ').trim();
  return capital(text);
}

/** browser shortens what a browser calls itself to what a person recognises. */
export function browser(agent: string): string {
  const name = /(Edg|OPR|Firefox|Chrome|Safari|curl)/.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera' };
  return [name && (names[name] ?? name), system].filter(Boolean).join(' on ') || agent || 'Unknown';
}
