import dayjs from 'dayjs';

/** What the address bar holds of the recordings page. Only what is set is there. */
export type Filters = {
  from?: string; // a day, YYYY-MM-DD, in the reader's time zone
  to?: string; // a day, and the whole of it counts
  number?: string;
  extension?: string;
  queue?: string;
  direction?: 'inbound' | 'outbound' | 'internal';
  min?: number; // seconds
  max?: number;
  sentiment?: 'negative' | 'neutral' | 'positive';
  state?: string;
  due?: string; // a day: goes on it or before
  held?: true; // under a legal hold
  tag?: string; // id of a label
  words?: string;
  sort?: Sort;
  open?: string; // the recording in the drawer
  at?: number; // where in it, in seconds
};

export type Sort = '-started_at' | 'started_at' | '-seconds' | 'seconds' | '-sentiment' | 'sentiment';

const sorts: Sort[] = ['-started_at', 'started_at', '-seconds', 'seconds', '-sentiment', 'sentiment'];
export const directions = ['inbound', 'outbound', 'internal'] as const;
export const sentiments = ['negative', 'neutral', 'positive'] as const;
/** states are those of the sound and of the transcript; each text is what the list says of it, too. */
export const states = [
  { group: 'Sound', items: [{ value: 'complete', label: 'Complete' }, { value: 'truncated', label: 'Truncated' }, { value: 'partial', label: 'Partial' }, { value: 'removed', label: 'Sound removed' }] },
  {
    group: 'Transcript',
    items: [
      { value: 'none', label: 'No transcript' }, { value: 'waiting', label: 'In line' }, { value: 'working', label: 'Being transcribed' }, { value: 'done', label: 'Transcribed' },
      { value: 'failed', label: 'Transcription failed' }, { value: 'not-transcribed', label: 'Not transcribed' },
    ],
  },
];

/** stateLabel is the text of a state. */
export const stateLabel = (state: string) => states.flatMap((g) => g.items).find((s) => s.value === state)?.label ?? state;

/**
 * read takes what a person may have typed into the address bar; what makes no sense is undefined. It stands there as such,
 * as the router keeps what this does not name.
 */
export function read(search: Record<string, unknown>): Filters {
  const text = (key: string) => {
    const value = search[key];
    const s = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    return s === '' ? undefined : s;
  };
  const among = <T extends string>(key: string, allowed: readonly T[]) => allowed.find((a) => a === search[key]);
  const whole = (key: string) => {
    const n = Number(search[key]);
    return search[key] !== undefined && search[key] !== '' && Number.isFinite(n) && n >= 0 ? Math.floor(n) : undefined;
  };
  const date = (key: string) => {
    const s = text(key);
    return s && /^\d{4}-\d\d-\d\d$/.test(s) && dayjs(s).isValid() ? s : undefined;
  };
  return {
    from: date('from'),
    to: date('to'),
    number: text('number'),
    extension: text('extension'),
    queue: text('queue'),
    direction: among('direction', directions),
    min: whole('min'),
    max: whole('max'),
    sentiment: among('sentiment', sentiments),
    state: among('state', states.flatMap((g) => g.items.map((s) => s.value))),
    due: date('due'),
    held: search.held === true || search.held === 'true' ? true : undefined,
    tag: text('tag'),
    words: text('words'),
    sort: among('sort', sorts),
    open: text('open'),
    at: whole('at'),
  };
}

/** tidy drops what is not set and what is the default, so that addresses stay short. */
export function tidy(f: Filters): Filters {
  const entries = Object.entries(f).filter(([, v]) => v !== undefined && v !== '' && v !== null);
  const out = Object.fromEntries(entries) as Filters;
  if (out.sort === '-started_at') delete out.sort;
  return out;
}

/** backwards says that days end before they begin: nothing lies in between, and the API refuses it. */
export const backwards = (f: Pick<Filters, 'from' | 'to'>) => !!f.from && !!f.to && f.to < f.from;

/** shorter says that the longest is shorter than the shortest. */
export const shorter = (f: Pick<Filters, 'min' | 'max'>) => f.min !== undefined && f.max !== undefined && f.max > 0 && f.max < f.min;

/** query is what the API is asked: a day becomes an instant, "to" its end. */
export function query(f: Filters) {
  return {
    from: f.from ? dayjs(f.from).startOf('day').toISOString() : undefined,
    to: f.to ? dayjs(f.to).add(1, 'day').startOf('day').toISOString() : undefined,
    number: f.number,
    extension: f.extension,
    queue: f.queue,
    direction: f.direction,
    min_seconds: f.min,
    max_seconds: f.max,
    sentiment: f.sentiment,
    state: f.state,
    due_before: f.due ? dayjs(f.due).add(1, 'day').startOf('day').toISOString() : undefined,
    held: f.held,
    tag: f.tag,
    words: f.words,
    sort: f.sort ?? ('-started_at' as const),
  };
}

/** active counts the filters that narrow the list; the order and the open drawer do not. */
export function active(f: Filters): number {
  const { sort: _sort, open: _open, at: _at, from, to, min, max, ...rest } = f;
  return Object.values(rest).filter((v) => v !== undefined).length + (from || to ? 1 : 0) + (min !== undefined || max !== undefined ? 1 : 0);
}

/** turn gives the order after a click on a column: first the interesting end, then the other. */
export function turn(column: 'started_at' | 'seconds' | 'sentiment', now: Sort = '-started_at'): Sort {
  const first: Sort = column === 'sentiment' ? 'sentiment' : `-${column}`;
  const second: Sort = column === 'sentiment' ? '-sentiment' : column;
  return now === first ? second : first;
}

/** ariaSort is how a column header tells its order. */
export function ariaSort(column: string, now: Sort = '-started_at'): 'ascending' | 'descending' | 'none' {
  if (now === column) return 'ascending';
  return now === `-${column}` ? 'descending' : 'none';
}

/** presets of the date range, each with its days as they are today. */
export function presets(today = dayjs()): { label: string; from: string; to: string }[] {
  const d = (x: dayjs.Dayjs) => x.format('YYYY-MM-DD');
  const monday = today.subtract((today.day() + 6) % 7, 'day');
  const lastMonth = today.subtract(1, 'month');
  return [
    { label: 'Today', from: d(today), to: d(today) },
    { label: 'Yesterday', from: d(today.subtract(1, 'day')), to: d(today.subtract(1, 'day')) },
    { label: 'This week', from: d(monday), to: d(today) },
    { label: 'Last 7 days', from: d(today.subtract(6, 'day')), to: d(today) },
    { label: 'Last 30 days', from: d(today.subtract(29, 'day')), to: d(today) },
    { label: 'This month', from: d(today.startOf('month')), to: d(today) },
    { label: 'Last month', from: d(lastMonth.startOf('month')), to: d(lastMonth.endOf('month')) },
  ];
}

/** range names the chosen days in words. */
export function range(f: Pick<Filters, 'from' | 'to'>, today = dayjs()): string {
  if (!f.from && !f.to) return 'Any time';
  const preset = presets(today).find((p) => p.from === f.from && p.to === f.to);
  if (preset) return preset.label;
  const d = (s: string) => dayjs(s).format('D MMM YYYY');
  if (f.from && f.to) return f.from === f.to ? d(f.from) : `${d(f.from)} – ${d(f.to)}`;
  return f.from ? `Since ${d(f.from)}` : `Until ${d(f.to!)}`;
}
