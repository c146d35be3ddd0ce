import { ActionIcon, Alert, Box, CopyButton, Button, Group, Text, TextInput } from '@mantine/core';
import { memo, useEffect, useMemo, useRef, useState, type MouseEvent } from 'react';
import { sentence } from '../../api/errors';
import type { RecordingDetail, Transcript, Turn } from '../../api/types';
import { clock, until, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Empty, Failed, Loading } from '../../ui/States';
import css from './recording.module.css';
import type { Sound } from './sound';
import { fold, hits, marked, pieces, plain, speaker, terms, where } from './transcript';
import type { Listening } from './useListening';

type Props = { detail: RecordingDetail; listening: Listening; may: boolean; search?: string };

/** TranscriptView is what was said, in step with the sound. It opens when it is asked for, and that leaves a receipt. */
export function TranscriptView({ detail, listening, may, search }: Props) {
  const { transcript } = listening;
  if (transcript) return <Spoken transcript={transcript} sound={listening.sound} seek={listening.seek} search={search} />;
  if (listening.readError != null) return <Failed error={listening.readError} retry={() => void listening.read()} />;
  if (listening.reading) return <Loading rows={5} height={44} />;
  const t = detail.transcript;
  if (t.state === 'done') {
    return (
      <Empty icon="lock" title="The transcript is sealed" action={may && <Button variant="light" onClick={() => void listening.read()}>Read the transcript</Button>}>
        {may ? 'Opening it leaves a receipt with your name and the time, as listening does.' : 'Your role does not read transcripts.'}
      </Empty>
    );
  }
  if (t.retry_at) return <Empty icon="voice" title={`Waits ${until(t.retry_at)}`}>{sentence(t.reason)} Then it is tried again.</Empty>;
  const text: Record<string, [string, string]> = {
    waiting: ['In line', 'The speech engine will come to it. This page shows it when it is done.'],
    working: ['Being transcribed', 'This page shows it when it is done.'],
    failed: ['The speech engine failed', t.reason || 'It will be tried again.'],
    'not-transcribed': ['Not transcribed', t.reason || 'The language is not one that the engine knows.'],
    none: ['No transcript', t.reason || 'No speech engine is chosen for this customer.'],
  };
  const [title, about] = text[t.state] ?? [words(t.state), t.reason];
  return <Empty icon="voice" title={title}>{sentence(about)}</Empty>;
}

function Spoken({ transcript, sound, seek, search }: { transcript: Transcript; sound: Sound; seek: (at: number) => void; search?: string }) {
  const [find, setFind] = useState(search ?? '');
  const [hit, setHit] = useState(0);
  const now = useNow(sound, transcript.turns);
  const box = useRef<HTMLOListElement>(null);
  const found = useMemo(() => hits(transcript.turns, find), [transcript, find]);
  const wanted = useMemo(() => terms(find), [find]);
  const show = (turn: number) => box.current?.children[turn]?.scrollIntoView({ block: 'center' });
  const goHit = (by: number) => {
    if (found.length === 0) return;
    const next = (hit + by + found.length) % found.length;
    setHit(next);
    show(found[next]!);
  };
  useFollow(box, now.turn, sound);
  const click = (event: MouseEvent) => {
    const at = (event.target as HTMLElement).dataset.at;
    if (at !== undefined && !getSelection()?.toString()) seek(Number(at));
  };
  return (
    <Box>
      <Quality transcript={transcript} />
      <Group gap={6} mb="xs">
        <TextInput
          aria-label="Find in the transcript" placeholder="Find in the transcript" size="sm" style={{ flex: 1 }} value={find} leftSection={<Icon name="search" size={15} />}
          onChange={(e) => { setFind(e.currentTarget.value); setHit(0); }}
          onKeyDown={(e) => { if (e.key === 'Enter') goHit(e.shiftKey ? -1 : 1); }}
        />
        {wanted.length > 0 && (
          <>
            <Text size="sm" c="dimmed" className="num" aria-live="polite">{found.length === 0 ? 'Not found' : `${Math.min(hit + 1, found.length)} of ${found.length}`}</Text>
            <ActionIcon variant="subtle" color="gray" aria-label="Previous place" disabled={found.length === 0} onClick={() => goHit(-1)}><Icon name="up" size={16} /></ActionIcon>
            <ActionIcon variant="subtle" color="gray" aria-label="Next place" disabled={found.length === 0} onClick={() => goHit(1)}><Icon name="down" size={16} /></ActionIcon>
          </>
        )}
        <CopyButton value={plain(transcript, clock)}>
          {({ copied, copy }) => (
            <Button variant="subtle" color="gray" size="xs" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />}>{copied ? 'Copied' : 'Copy'}</Button>
          )}
        </CopyButton>
      </Group>
      {transcript.turns.length === 0 ? (
        <Empty icon="voice" title="Nobody speaks in this recording" />
      ) : (
        <ol className={css.turns} ref={box} onClick={click} aria-label="Transcript">
          {transcript.turns.map((t, i) => (
            <TurnLine key={i} turn={t} speakers={transcript.speakers} word={now.turn === i ? now.word : undefined} hit={found[hit] === i} wanted={wanted} seek={seek} />
          ))}
        </ol>
      )}
    </Box>
  );
}

/** useNow follows the sound, and renders only when another word is heard. */
function useNow(sound: Sound, turns: readonly Turn[]) {
  const [now, setNow] = useState({ turn: -1, word: -1 });
  useEffect(() => {
    const follow = (at: number) => {
      const next = at > 0 ? where(turns, at) : { turn: -1, word: -1 };
      setNow((old) => (old.turn === next.turn && old.word === next.word ? old : next));
    };
    follow(sound.at);
    return sound.onTime(follow);
  }, [sound, turns]);
  return now;
}

/** useFollow keeps the spoken turn in view while it plays, and lets go for some seconds when the reader scrolls. */
function useFollow(box: React.RefObject<HTMLOListElement | null>, turn: number, sound: Sound) {
  const touched = useRef(0);
  useEffect(() => {
    const touch = () => (touched.current = Date.now());
    addEventListener('wheel', touch, { passive: true });
    addEventListener('touchmove', touch, { passive: true });
    return () => {
      removeEventListener('wheel', touch);
      removeEventListener('touchmove', touch);
    };
  }, []);
  useEffect(() => {
    if (turn < 0 || sound.media.paused || Date.now() - touched.current < 5000) return;
    const smooth = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    box.current?.children[turn]?.scrollIntoView({ block: 'nearest', behavior: smooth ? 'smooth' : 'auto' });
  }, [box, turn, sound]);
}

function Quality({ transcript: t }: { transcript: Transcript }) {
  const rough = t.quality.toLowerCase().includes('draft');
  const note = /^draft quality/i.test(t.note) ? '' : t.note; // said below in our own words
  const engine = t.engine === 'builtin' ? 'built-in engine' : t.engine;
  return (
    <>
      <Text size="sm" c="dimmed" mb="xs">
        {[t.language, engine, t.quality && (rough ? 'draft quality' : t.quality)].filter(Boolean).join(' · ')}
        {rough && '. Words may be wrong: listen before you rely on them. Dotted words are those the engine doubts.'}
      </Text>
      {note && (
        <Alert variant="light" color="gray" mb="xs" py={8} icon={<Icon name="people" size={16} />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          {note}
        </Alert>
      )}
    </>
  );
}

type LineProps = { turn: Turn; speakers: boolean; word?: number; hit: boolean; wanted: readonly string[]; seek: (at: number) => void };

const TurnLine = memo(function TurnLine({ turn, speakers, word, hit, wanted, seek }: LineProps) {
  const causes = new Set((turn.sentiment?.words ?? []).flatMap((w) => w.split(/\s+/)).map(fold));
  return (
    <li className={css.turn} data-now={word !== undefined || undefined} data-hit={hit || undefined} aria-current={word !== undefined || undefined}>
      <button type="button" className={css.at} onClick={() => seek(turn.start)} aria-label={`Go to ${clock(turn.start)}`}>{clock(turn.start)}</button>
      <div>
        {(speakers || turn.sentiment) && (
          <Group gap={8}>
            {speakers && <span className={css.speaker} data-speaker={turn.speaker}>{speaker(turn.speaker)}</span>}
            {turn.sentiment && turn.sentiment.label !== 'neutral' && (
              <Text span size="xs" className={turn.sentiment.label}>
                {words(turn.sentiment.label)}
                {turn.sentiment.words.length > 0 && `: ${turn.sentiment.words.join(', ')}`}
              </Text>
            )}
          </Group>
        )}
        <p className={css.said}>
          {pieces(turn).map((p, i) => {
            const look = [i === word && css.now, marked(p.text, wanted) && css.mark, p.doubtful && css.doubtful, causes.has(fold(p.text)) && `${css.cause} ${turn.sentiment?.label}`];
            return (
              <span key={i}>
                <span data-at={p.start} className={look.filter(Boolean).join(' ') || undefined}>{p.text}</span>{' '}
              </span>
            );
          })}
        </p>
      </div>
    </li>
  );
});
