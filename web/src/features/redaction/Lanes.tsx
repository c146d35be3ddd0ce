import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import type { Peaks } from '../../api/types';
import { spoken } from '../../ui/format';
import { spanned, type Stretch } from './stretches';

const width = 1000;
const lane = 44;

/** Lanes draws the sound, and what is to be taken out of it. A stretch is chosen by dragging, or by the keys. */
export function Lanes({ peaks, stretches, onChoose }: { peaks: Peaks; stretches: Stretch[]; onChoose: (start: number, end: number) => void }) {
  const box = useRef<SVGSVGElement>(null);
  const [from, setFrom] = useState<number | null>(null);
  const [to, setTo] = useState(0);
  const seconds = peaks.seconds;
  const height = lane * peaks.channels.length;
  const x = (at: number) => (at / seconds) * width;
  const moment = (e: PointerEvent) => {
    const r = box.current!.getBoundingClientRect();
    return ((e.clientX - r.left) / r.width) * seconds;
  };
  const choose = (a: number, b: number) => {
    const s = spanned(a, b, seconds);
    if (s.end - s.start >= 0.05) onChoose(s.start, s.end);
  };
  // Arrow keys move the mark; Enter sets one end, then the other.
  const key = (e: KeyboardEvent) => {
    const step = e.shiftKey ? 1 : 0.1;
    const moves: Partial<Record<string, number>> = { ArrowLeft: -step, ArrowRight: step, PageUp: 10, PageDown: -10 };
    const move = moves[e.key];
    if (move !== undefined) setTo((t) => Math.min(Math.max(0, t + move), seconds));
    else if (e.key === 'Enter' && from === null) setFrom(to);
    else if (e.key === 'Enter') {
      choose(from!, to);
      setFrom(null);
    } else if (e.key === 'Escape' && from !== null) setFrom(null);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const marked = from === null ? null : spanned(from, to, seconds);
  return (
    <svg
      ref={box} viewBox={`0 0 ${width} ${height}`} width="100%" height={height} preserveAspectRatio="none" tabIndex={0} role="slider"
      aria-label="Choose a stretch: drag, or move with the arrow keys and press Enter at both ends"
      aria-valuemin={0} aria-valuemax={Math.round(seconds)} aria-valuenow={Math.round(to)} aria-valuetext={from === null ? spoken(to) : `from ${spoken(from)} to ${spoken(to)}`}
      style={{ touchAction: 'pan-y', cursor: 'col-resize', display: 'block', background: 'var(--mantine-color-default-hover)', borderRadius: 6 }}
      onKeyDown={key}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId);
        setFrom(moment(e));
        setTo(moment(e));
      }}
      onPointerMove={(e) => e.buttons === 1 && from !== null && setTo(moment(e))}
      onPointerUp={(e) => {
        if (from !== null) choose(from, moment(e));
        setFrom(null);
      }}
    >
      {peaks.channels.map((c, i) => (
        <path
          key={c.label} fill="none" stroke={`var(--rf-${c.label === 'agent' || c.label === 'right' ? 'agent' : 'customer'})`} strokeWidth={1} vectorEffect="non-scaling-stroke"
          d={c.peaks.map((p, k) => {
            const at = (k / c.peaks.length) * width;
            const half = Math.max(0.5, (p * lane) / 2);
            return `M${at.toFixed(1)} ${(i * lane + lane / 2 - half).toFixed(1)}V${(i * lane + lane / 2 + half).toFixed(1)}`;
          }).join('')}
        />
      ))}
      {stretches.map((s, k) => (
        <rect key={k} x={x(s.start)} width={Math.max(2, x(s.end) - x(s.start))} y={s.channel > 0 ? s.channel * lane : 0} height={s.channel < 0 ? height : lane} fill="var(--mantine-color-red-6)" opacity={0.45} />
      ))}
      {marked && <rect x={x(marked.start)} width={Math.max(2, x(marked.end) - x(marked.start))} y={0} height={height} fill="var(--mantine-color-blue-5)" opacity={0.4} />}
      <line x1={x(to)} x2={x(to)} y1={0} y2={height} stroke="var(--mantine-color-text)" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
