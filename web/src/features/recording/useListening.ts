import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { here } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Opening, Peaks, RecordingDetail, Transcript } from '../../api/types';
import { fetched, forget, open } from './openings';
import { Cancelled } from '../receipts/PurposeAsk';
import { Sound } from './sound';

/** soundOf prefers the form with a tenth of the bytes, where there is one and the browser plays it. */
function soundOf(opening: Opening): string {
  const plays = new Audio().canPlayType('audio/ogg; codecs="opus"') === 'probably';
  return (plays && opening.opus_url) || opening.sound_url;
}

export type Listening = {
  sound: Sound;
  peaks: Peaks | null;
  transcript: Transcript | null;
  opening: boolean; // the sound is being opened
  reading: boolean; // the transcript is being opened
  error: unknown;
  readError: unknown;
  play: () => Promise<void>; // opens at the first time, then plays or pauses
  read: () => Promise<void>;
  seek: (at: number) => void; // before the first play: where it will begin
  start: number;
};

/** useListening opens one recording when its reader asks to hear or to read it, and not before. */
export function useListening(customer: string, detail: RecordingDetail, at = 0): Listening {
  const client = useQueryClient();
  const [sound] = useState(() => new Sound(detail.seconds));
  const [peaks, setPeaks] = useState<Peaks | null>(null);
  const [transcript, setTranscript] = useState<Transcript | null>(null);
  const [start, setStart] = useState(at);
  const [busy, setBusy] = useState({ opening: false, reading: false });
  const [error, setError] = useState<unknown>(null);
  const [readError, setReadError] = useState<unknown>(null);
  useEffect(() => () => sound.close(), [sound]);
  const noted = () => void client.invalidateQueries({ queryKey: here(customer, 'recording', detail.id) });

  const openSound = async () => {
    setBusy((b) => ({ ...b, opening: true }));
    setError(null);
    try {
      const opening = await open(customer, detail.id, 'listen', undefined, undefined, !!detail.restricted_at);
      sound.load(soundOf(opening), sound.at || start);
      fetched<Peaks>(opening.peaks_url).then(setPeaks, setError); // the sound does not wait for its picture
      await sound.play();
      noted();
    } catch (e) {
      if (e instanceof Problem) forget(customer, detail.id, 'listen');
      if (!(e instanceof DOMException || e instanceof Cancelled)) setError(e); // a DOMException: the browser wants one more click to play
    } finally {
      setBusy((b) => ({ ...b, opening: false }));
    }
  };
  return {
    sound, peaks, transcript, error, readError, start, ...busy,
    play: async () => {
      const failed = sound.snapshot().failed;
      if (sound.media.src && !failed) return sound.toggle(); // also while it begins: who pauses at once is heeded
      if (busy.opening) return;
      if (failed) forget(customer, detail.id, 'listen');
      await openSound();
    },
    read: async () => {
      if (busy.reading || transcript) return;
      setBusy((b) => ({ ...b, reading: true }));
      setReadError(null);
      try {
        const opening = await open(customer, detail.id, 'transcript', undefined, undefined, !!detail.restricted_at);
        setTranscript(await fetched<Transcript>(opening.transcript_url));
        noted();
      } catch (e) {
        forget(customer, detail.id, 'transcript');
        if (!(e instanceof Cancelled)) setReadError(e);
      } finally {
        setBusy((b) => ({ ...b, reading: false }));
      }
    },
    seek: (to) => {
      if (sound.media.src) sound.seek(to);
      else setStart(Math.min(Math.max(0, to), detail.seconds));
    },
  };
}
