import { ActionIcon, Box, Button, Group, Loader, Menu, Text, Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { RecordingDetail } from '../../api/types';
import { clock } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import css from './recording.module.css';
import { rates, useSound, type Sound } from './sound';
import { Timeline } from './Timeline';
import { speaker } from './transcript';
import type { Listening } from './useListening';
import { Waveform } from './Waveform';

/** The play button has this id: the drawer puts the focus there. */
export const playID = 'play';

/** Player is the sound and what is done with it. Nothing is opened before the first press of play. */
export function Player({ detail, listening, may }: { detail: RecordingDetail; listening: Listening; may: boolean }) {
  const { sound, peaks } = listening;
  const state = useSound(sound);
  const channels = peaks?.channels ?? [];
  return (
    <Box className="card" p="sm" component="section" aria-label="Player">
      <Timeline detail={detail} onSeek={listening.seek} />
      {peaks ? <Waveform sound={sound} peaks={peaks} onSeek={listening.seek} /> : <Unopened may={may} busy={listening.opening} />}
      <Group justify="space-between" mt="xs" gap="xs">
        <Group gap={4} wrap="nowrap">
          <Step icon="back" label="Back 5 seconds" disabled={!state.ready} onClick={() => sound.seek(sound.at - 5)} />
          <Button
            id={playID} data-autofocus disabled={!may} aria-busy={listening.opening} onClick={() => void listening.play()} w={104}
            leftSection={listening.opening ? <Loader size={16} color="white" /> : <Icon name={state.playing ? 'pause' : 'play'} size={16} filled={!state.playing} />}
          >
            {state.playing ? 'Pause' : 'Play'}
          </Button>
          <Step icon="ahead" label="Ahead 5 seconds" disabled={!state.ready} onClick={() => sound.seek(sound.at + 5)} />
          <Position sound={sound} start={listening.start} length={state.seconds} />
        </Group>
        <Group gap={4}>
          {channels.length === 2 &&
            channels.map((c, i) => (
              <Tooltip key={c.label} label={`${state.muted[i] ? 'Hear' : 'Silence'} the ${speaker(c.label).toLowerCase()}`}>
                <Button
                  variant="subtle" color="gray" size="xs" aria-pressed={state.muted[i]} aria-label={`Silence the ${speaker(c.label).toLowerCase()}`}
                  leftSection={<Icon name={state.muted[i] ? 'muted' : 'sound'} size={15} />} onClick={() => sound.mute(i, !state.muted[i])}
                  styles={{ label: { textDecoration: state.muted[i] ? 'line-through' : undefined } }}
                >
                  {speaker(c.label)}
                </Button>
              </Tooltip>
            ))}
          <Speed sound={sound} rate={state.rate} />
        </Group>
      </Group>
      {listening.error != null && <Box mt="sm"><Failed error={listening.error} retry={() => void listening.play()} /></Box>}
      {state.failed && listening.error == null && (
        <Text size="sm" mt="xs" role="alert" className="negative">
          The sound stopped: its opening has ended or the connection is gone. Press play to open it again, where it was.
        </Text>
      )}
    </Box>
  );
}

function Unopened({ may, busy }: { may: boolean; busy: boolean }) {
  return (
    <div className={css.unopened}>
      <Icon name="lock" size={16} />
      <Text size="sm" c="dimmed">
        {busy
          ? 'Writing the receipt, then opening…'
          : may
            ? 'Sealed. Pressing play opens it and leaves a receipt with your name and the time.'
            : 'Sealed. Your role sees the list but does not listen.'}
      </Text>
    </div>
  );
}

function Step({ icon, label, disabled, onClick }: { icon: 'back' | 'ahead'; label: string; disabled: boolean; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size={36} aria-label={label} disabled={disabled} onClick={onClick}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  );
}

function Position({ sound, start, length }: { sound: Sound; start: number; length: number }) {
  const [at, setAt] = useState(0);
  useEffect(() => sound.onTime((t) => setAt(Math.floor(t))), [sound]);
  return (
    <Text size="sm" className="num" ml={6} data-testid="position">
      {clock(sound.media.src ? at : start)} <Text span c="dimmed" inherit>/ {clock(length)}</Text>
    </Text>
  );
}

function Speed({ sound, rate }: { sound: Sound; rate: number }) {
  return (
    <Menu position="bottom-end" width={110}>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="xs" className="num" aria-label={`Speed: ${rate} times`}>
          {rate}×
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {rates.map((r) => (
          <Menu.Item key={r} onClick={() => sound.speed(r)} fw={r === rate ? 650 : undefined} aria-current={r === rate || undefined}>
            {r}×
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
