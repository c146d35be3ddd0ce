import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import WaveSurfer from 'wavesurfer.js';
import type { Peaks } from '../../api/types';
import { spoken } from '../../ui/format';
import css from './recording.module.css';
import { useSound, type Sound } from './sound';

const lane = 46;

/** agentSide says whose channel it is, as far as a colour goes. */
export const agentSide = (label: string) => label === 'agent' || label === 'right';

/** loudness lifts quiet telephone sound so that it fills its lane; both channels by as much, so that they can be compared. */
function loudness(peaks: Peaks): number {
  const top = peaks.channels.flatMap((c) => c.peaks).reduce((a, b) => Math.max(a, b), 0);
  return top > 0 ? Math.min(8, 0.95 / top) : 1;
}

/** Waveform draws each channel in a lane of its own, from an outline that the server computed. A click seeks. */
export function Waveform({ sound, peaks, onSeek }: { sound: Sound; peaks: Peaks; onSeek: (at: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const { seconds } = useSound(sound);
  const [at, setAt] = useState(sound.at);
  useEffect(() => sound.onTime((t) => setAt(Math.floor(t))), [sound]);
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const look = (label: string) => {
      const side = agentSide(label) ? 'agent' : 'customer';
      return { waveColor: colour(`--rf-${side}-wave`), progressColor: colour(`--rf-${side}`) };
    };
    const wave = WaveSurfer.create({
      container: box.current!,
      media: sound.media,
      peaks: peaks.channels.map((c) => c.peaks),
      duration: peaks.seconds,
      height: lane,
      splitChannels: peaks.channels.map((c) => ({ ...look(c.label), height: lane })),
      cursorColor: colour('--mantine-color-text'),
      cursorWidth: 1,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      barMinHeight: 1,
      barHeight: loudness(peaks),
      hideScrollbar: true,
      dragToSeek: true,
    });
    return () => wave.destroy();
  }, [sound, peaks, scheme]);
  return (
    <div
      ref={box} className={css.wave} role="slider" tabIndex={0} aria-label="Position in the recording"
      aria-valuemin={0} aria-valuemax={Math.round(seconds)} aria-valuenow={at} aria-valuetext={`${spoken(at)} of ${spoken(seconds)}`}
      onKeyDown={(e) => {
        if (e.key === 'Home' || e.key === 'End') {
          e.preventDefault();
          onSeek(e.key === 'Home' ? 0 : seconds);
        }
      }}
    />
  );
}
