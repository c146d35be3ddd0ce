import { Anchor, Badge, Box, Group, Stack, Text, Title } from '@mantine/core';
import type { RecordingDetail, Transcript } from '../../api/types';
import { bytes, clock, exact, moment, spoken, words } from '../../ui/format';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Empty } from '../../ui/States';
import { Feeling } from '../recordings/Feeling';
import css from './recording.module.css';
import { happening, inside, layoutText } from './timeline';

/** CallView tells the call in order: what happened, who was there, which other recordings belong to it. */
export function CallView({ detail, seek, onOther }: { detail: RecordingDetail; seek: (at: number) => void; onOther: (id: string) => void }) {
  const others = detail.call.recordings.filter((id) => id !== detail.id);
  return (
    <Stack>
      {detail.call.events.length === 0 ? (
        <Empty icon="history" title="No more is known">
          The source gave no call log for this recording. Times and parties are from the file itself.
        </Empty>
      ) : (
        <ol className={css.events}>
          {detail.call.events.map((e, i) => (
            <li key={i}>
              {inside(e, detail.seconds) ? (
                <button type="button" className={css.at} onClick={() => seek(e.offset_seconds)} aria-label={`Go to ${clock(e.offset_seconds)}`}>{clock(e.offset_seconds)}</button>
              ) : (
                <Text span size="xs" c="dimmed" title={exact(e.at)}>
                  {e.offset_seconds < 0 ? `${clock(-e.offset_seconds)} before` : `${clock(e.offset_seconds - detail.seconds)} after`}
                </Text>
              )}
              <span>{happening(e)}</span>
            </li>
          ))}
        </ol>
      )}
      {detail.agents.length > 0 && (
        <Box>
          <Title order={3} mb={4}>Who was asked</Title>
          {detail.agents.map((a, i) => (
            <Group key={i} gap="xs">
              <Text size="sm">{a.name ? `${a.name} (${a.extension})` : a.extension}</Text>
              <Badge>{words(a.outcome)}</Badge>
            </Group>
          ))}
        </Box>
      )}
      {others.length > 0 && (
        <Box>
          <Title order={3} mb={4}>Other recordings of this call</Title>
          {others.map((id, i) => (
            <Anchor key={id} component="button" type="button" size="sm" onClick={() => onOther(id)} mr="md">
              Recording {i + 2}
            </Anchor>
          ))}
        </Box>
      )}
    </Stack>
  );
}

const opened: Record<string, string> = {
  listen: 'Listened',
  transcript: 'Read the transcript',
  download: 'Downloaded',
  export: 'Exported',
  transcribe: 'Transcribed',
  'capture-check': 'Checked after capture',
};

/** OpeningsView lists the receipts: nobody has opened it who does not stand here. */
export function OpeningsView({ detail }: { detail: RecordingDetail }) {
  if (detail.openings.length === 0) return <Empty icon="eye" title="Nobody has opened it">Whoever listens, reads or downloads will stand here.</Empty>;
  return (
    <ol className={css.events} aria-label="Who opened it">
      {detail.openings.map((o, i) => (
        <li key={i} style={{ gridTemplateColumns: '140px 1fr' }}>
          <Text span size="sm" c="dimmed" className="num" title={exact(o.at)}>{moment(o.at)}</Text>
          <span>
            <b style={{ fontWeight: 550 }}>{o.who}</b> · {opened[o.what] ?? words(o.what)}
            {o.purpose && <Text span c="dimmed" inherit> · {o.purpose}</Text>}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** FileView is what is known of the file and of how long it stays. */
export function FileView({ detail, customer, mayLog }: { detail: RecordingDetail; customer: string; mayLog: boolean }) {
  return (
    <Stack>
      <dl className={css.facts}>
        <dt>File</dt>
        <dd className="mono">{detail.file_name || '–'}</dd>
        <dt>Began</dt>
        <dd>{exact(detail.started_at)}</dd>
        <dt>Length</dt>
        <dd>{spoken(detail.seconds)} ({detail.seconds.toFixed(1)} s)</dd>
        <dt>State</dt>
        <dd>{words(detail.state)}</dd>
        <dt>Channels</dt>
        <dd>{layoutText(detail.layout)}</dd>
        <dt>Stored</dt>
        <dd>{bytes(detail.bytes)}, sealed</dd>
        <dt>Kept until</dt>
        <dd>
          {detail.held && <Badge color="yellow" variant="light" tt="none" mr={6}>Legal hold</Badge>}
          {detail.held ? 'the hold is lifted; nothing destroys it before' : detail.due_at ? moment(detail.due_at) : 'No end is set'}
          {detail.sound_due_at && <Text size="xs" c="dimmed">The sound goes on {moment(detail.sound_due_at)}.</Text>}
          {detail.due_reason && <Text size="xs" c="dimmed">By {detail.due_reason}.</Text>}
        </dd>
        <dt>Recording</dt>
        <dd className="mono">{detail.id}</dd>
      </dl>
      {detail.renditions.map((r) => (
        <Box key={r.id} className="card" p="sm">
          <Text size="sm" fw={550}>{words(r.kind)} · {layoutText(r.layout)}</Text>
          <Text size="sm" c="dimmed">{clock(r.seconds)} · {bytes(r.bytes)}</Text>
          <Text size="xs" className="mono" mt={4}><Text span c="dimmed" inherit>SHA-256 </Text>{r.sha256}</Text>
        </Box>
      ))}
      {mayLog && (
        <LinkAnchor to="/c/$customer/log" params={{ customer }} search={{ subject: detail.id }} size="sm">
          All events of this recording in the change log
        </LinkAnchor>
      )}
    </Stack>
  );
}

/** SentimentView shows the call's sentiment; the words that caused it are known once the transcript is open. */
export function SentimentView({ detail, transcript }: { detail: RecordingDetail; transcript: Transcript | null }) {
  const s = transcript?.sentiment ?? detail.sentiment;
  if (!s) return null;
  const causes = transcript?.sentiment?.words ?? [];
  return (
    <Group gap="sm" wrap="wrap">
      <Feeling score={s.score} label={s.label} />
      {causes.length > 0 && (
        <Text size="sm" c="dimmed">
          because of {causes.slice(0, 6).map((w) => `“${w}”`).join(', ')}
        </Text>
      )}
    </Group>
  );
}
