import { Tooltip } from '@mantine/core';
import type { RecordingDetail } from '../../api/types';
import { clock } from '../../ui/format';
import css from './recording.module.css';
import { happening, inside, lanes } from './timeline';

/** Timeline stands above the waveform on the same scale: who was on the line, and what happened when. */
export function Timeline({ detail, onSeek }: { detail: RecordingDetail; onSeek: (at: number) => void }) {
  const length = Math.max(detail.seconds, 0.01);
  const rows = lanes(detail);
  const events = detail.call.events.filter((e) => inside(e, length));
  if (rows.length === 0 && events.length === 0) return null;
  const pos = (s: number) => `${(s / length) * 100}%`;
  return (
    <div className={css.timeline}>
      {rows.map((lane) => (
        <div key={lane.name} className={css.lane}>
          {lane.parts.map((p) => (
            <Tooltip key={p.from} label={`${lane.name}: ${p.label}, ${clock(p.from)} to ${clock(p.to)}`}>
              <div className={css.leg} data-side={p.side} data-unheard={p.unheard || undefined} style={{ left: pos(p.from), width: pos(p.to - p.from) }}>
                {p.unheard ? 'Customer did not hear this' : lane.name}
              </div>
            </Tooltip>
          ))}
        </div>
      ))}
      {events.length > 0 && (
        <div className={css.ticks}>
          {events.map((e, i) => (
            <Tooltip key={i} label={`${clock(e.offset_seconds)} ${happening(e)}`}>
              <button type="button" className={css.tick} style={{ left: pos(e.offset_seconds) }} aria-label={`${clock(e.offset_seconds)}: ${happening(e)}. Go there`} onClick={() => onSeek(e.offset_seconds)} />
            </Tooltip>
          ))}
        </div>
      )}
    </div>
  );
}
