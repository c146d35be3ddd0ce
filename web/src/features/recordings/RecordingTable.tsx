import { Checkbox, Group, Text, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { MouseEvent } from 'react';
import type { Recording } from '../../api/types';
import { clock, day, exact, spoken, time, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Feeling, Written } from './Feeling';
import { ariaSort, turn, type Filters } from './filters';
import { directionIcon, directionText, other, ours, title } from './party';
import css from './recordings.module.css';

type Props = {
  rows: readonly Recording[];
  filters: Filters;
  fresh: ReadonlySet<string>;
  set: (change: Partial<Filters>) => void;
  picked?: ReadonlySet<string>; // chosen, to do something with all of them
  pick?: (chosen: ReadonlySet<string>) => void; // missing: nothing can be done with several
};

/** rowID lets the keyboard and the drawer find a row's link again. */
export const rowID = (id: string) => `row-${id}`;

/** Choose chooses one recording among others. */
function Choose({ r, picked, pick }: { r: Recording } & Pick<Props, 'picked' | 'pick'>) {
  if (!pick || !picked) return null;
  return (
    <Checkbox
      size="xs" aria-label={`Choose ${day(r.started_at)} ${time(r.started_at)}: ${title(r)}`} checked={picked.has(r.id)}
      onChange={(e) => {
        const next = new Set(picked);
        if (e.currentTarget.checked) next.add(r.id);
        else next.delete(r.id);
        pick(next);
      }}
    />
  );
}

export function RecordingTable({ rows, filters, fresh, set, picked, pick }: Props) {
  const head = (column: 'started_at' | 'seconds' | 'sentiment', label: string, width?: number) => {
    const order = ariaSort(column, filters.sort);
    return (
      <th scope="col" aria-sort={order} style={{ width }}>
        <button type="button" className={css.sort} data-on={order !== 'none' || undefined} onClick={() => set({ sort: turn(column, filters.sort) })}>
          {label}
          {order !== 'none' && <Icon name={order === 'ascending' ? 'up' : 'down'} size={14} />}
        </button>
      </th>
    );
  };
  const open = (id: string) => (event: MouseEvent) => {
    if ((event.target as HTMLElement).closest('a, label, input') || getSelection()?.toString()) return;
    set({ open: id, at: undefined });
  };
  return (
    <table className={css.table}>
      <caption className="sr">Recordings</caption>
      <thead>
        <tr>
          {pick && picked && (
            <th scope="col" style={{ width: 38 }}>
              <Checkbox
                size="xs" aria-label="Choose all that are shown" checked={rows.every((r) => picked.has(r.id))} indeterminate={rows.some((r) => picked.has(r.id)) && !rows.every((r) => picked.has(r.id))}
                onChange={(e) => pick(new Set(e.currentTarget.checked ? rows.map((r) => r.id) : []))}
              />
            </th>
          )}
          {head('started_at', 'When', 138)}
          <th scope="col">Who</th>
          <th scope="col" style={{ width: '20%' }}>Agent</th>
          <th scope="col" style={{ width: '13%' }}>Queue</th>
          {head('seconds', 'Length', 92)}
          {head('sentiment', 'Sentiment', 160)}
          <th scope="col" style={{ width: 136 }}>Transcript</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((r) => (
          <tr key={r.id} className={fresh.has(r.id) ? css.fresh : undefined} data-open={filters.open === r.id || undefined} onClick={open(r.id)}>
            {pick && <td><Choose r={r} picked={picked} pick={pick} /></td>}
            <td className="num">
              <Tooltip label={exact(r.started_at)}>
                <RowLink r={r}>
                  {day(r.started_at)} <Text span inherit c="dimmed" fw={400}>{time(r.started_at)}</Text>
                </RowLink>
              </Tooltip>
            </td>
            <td>
              <Who r={r} />
            </td>
            <td className="cut" title={ours(r)}>{ours(r) || <Text span size="sm" c="dimmed">{words(r.disposition)}</Text>}</td>
            <td className="cut">{r.queue || <Text span size="sm" c="dimmed">–</Text>}</td>
            <td className="num">
              {clock(r.seconds)}
              {r.state !== 'complete' && <Text size="xs" c="var(--rf-agent)">{r.state === 'removed' ? 'sound destroyed' : words(r.state)}</Text>}
              {r.held && <Text size="xs" c="var(--rf-agent)" title="Under a legal hold: nothing destroys it">held</Text>}
            </td>
            <td>{r.sentiment ? <Feeling {...r.sentiment} /> : <Text span size="sm" c="dimmed">–</Text>}</td>
            <td>
              <Written {...r.transcript} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Who({ r }: { r: Recording }) {
  const o = other(r);
  return (
    <Group gap={10} wrap="nowrap">
      <Tooltip label={directionText[r.direction]}>
        <Text span c="dimmed" style={{ display: 'inline-flex' }}>
          <Icon name={directionIcon[r.direction] ?? 'wave'} size={16} />
          <span className="sr">{directionText[r.direction]}</span>
        </Text>
      </Tooltip>
      <div style={{ minWidth: 0 }}>
        <div className="cut">{o.name}</div>
        <Text size="xs" c="dimmed" className="cut num">
          {o.number} {r.direction !== 'outbound' && r.dialled && `→ ${r.dialled}`}
        </Text>
      </div>
    </Group>
  );
}

function RowLink({ r, children, ...rest }: { r: Recording; children: React.ReactNode }) {
  return (
    <Link
      {...rest} to="." search={(s: Filters) => ({ ...s, open: r.id, at: undefined })} id={rowID(r.id)} data-row className={css.link} preload={false}
      aria-label={`${day(r.started_at)} ${time(r.started_at)}: ${title(r)}, ${spoken(r.seconds)}`}
    >
      {children}
    </Link>
  );
}

/** RecordingCards is the same list for a narrow screen. */
export function RecordingCards({ rows, fresh, picked, pick }: Pick<Props, 'rows' | 'fresh' | 'picked' | 'pick'>) {
  return (
    <ul className={css.cards} aria-label="Recordings">
      {rows.map((r) => (
        <li key={r.id} className={fresh.has(r.id) ? css.fresh : undefined} style={pick && { display: 'grid', gridTemplateColumns: '28px minmax(0, 1fr)', alignItems: 'center', paddingInlineStart: 10 }}>
          {pick && <Choose r={r} picked={picked} pick={pick} />}
          <Link to="." search={(s: Filters) => ({ ...s, open: r.id, at: undefined })} id={rowID(r.id)} data-row preload={false}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Group gap={8} wrap="nowrap" style={{ minWidth: 0 }}>
                <Text span c="dimmed" style={{ display: 'inline-flex' }}>
                  <Icon name={directionIcon[r.direction] ?? 'wave'} size={15} />
                  <span className="sr">{directionText[r.direction]}</span>
                </Text>
                <Text span fw={550} className="cut">{other(r).name}</Text>
              </Group>
              <Text span size="sm" className="num" c="dimmed">{day(r.started_at)} {time(r.started_at)}</Text>
            </Group>
            <Group justify="space-between" wrap="nowrap" gap="xs" mt={2}>
              <Text span size="sm" c="dimmed" className="cut">
                {[ours(r), r.queue].filter(Boolean).join(' · ') || words(r.disposition)}
              </Text>
              <Group gap={10} wrap="nowrap">
                {r.sentiment && <Text span size="xs" className={r.sentiment.label}>{words(r.sentiment.label)}</Text>}
                <Text span size="sm" className="num">{clock(r.seconds)}</Text>
              </Group>
            </Group>
          </Link>
        </li>
      ))}
    </ul>
  );
}
