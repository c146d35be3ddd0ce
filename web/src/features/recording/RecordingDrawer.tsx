import { ActionIcon, Badge, Box, Drawer, Group, Stack, Tabs, Text, Title, Tooltip } from '@mantine/core';
import { useMediaQuery, useWindowEvent } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useMay } from '../../api/me';
import type { RecordingDetail } from '../../api/types';
import { day, exact, spoken, time, words } from '../../ui/format';
import { Icon, type IconName } from '../../ui/Icon';
import { useKeys } from '../../ui/keys';
import { Failed, Loading } from '../../ui/States';
import { Labels } from '../labels/Labels';
import { directionText, other, title } from '../recordings/party';
import { recording } from '../recordings/queries';
import { RedactView } from '../redaction/RedactView';
import { Acts } from './Acts';
import { CallView, FileView, OpeningsView, SentimentView } from './Details';
import { Player, playID } from './Player';
import { TranscriptView } from './TranscriptView';
import { useListening } from './useListening';

type Props = {
  customer: string;
  id: string;
  at?: number;
  words?: string;
  onClose: () => void;
  onNext?: () => void;
  onPrevious?: () => void;
  onOther: (id: string) => void;
};

/** RecordingDrawer is one recording beside the list it was found in. */
export function RecordingDrawer(props: Props) {
  const { customer, id, onClose, onNext, onPrevious } = props;
  const phone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const query = useQuery(recording(customer, id));
  const detail = query.data;
  const box = useRef<HTMLDivElement>(null);
  // Escape closes what is in front, one at a time: a question or the help before the drawer keeps the key to itself.
  useWindowEvent('keydown', (event) => {
    const target = event.target as HTMLElement;
    const dialog = target.closest('[role=dialog]');
    if (event.key === 'Escape' && !event.isComposing && target.dataset.mantineStopPropagation !== 'true' && (!dialog || dialog === box.current)) onClose();
  }, { capture: true });
  return (
    <Drawer.Root opened onClose={onClose} position="right" size={phone ? '100%' : 760} returnFocus={false} trapFocus closeOnEscape={false}>
      <Drawer.Overlay backgroundOpacity={0.25} />
      <Drawer.Content ref={box} aria-label={detail ? title(detail) : 'Recording'}>
        <Box p={{ base: 'sm', sm: 'lg' }} pt="sm">
          <Group justify="space-between" wrap="nowrap" mb="xs">
            <Group gap={2} wrap="nowrap">
              <Move icon="up" label="Previous recording (k)" onClick={onPrevious} />
              <Move icon="down" label="Next recording (j)" onClick={onNext} />
            </Group>
            <Group gap={4} wrap="nowrap">
              {detail && <Acts customer={customer} detail={detail} onGone={onClose} />}
              <Move icon="close" label="Close (Esc)" onClick={onClose} />
            </Group>
          </Group>
          {query.error && !detail && <Failed error={query.error} retry={() => void query.refetch()} />}
          {query.isPending && <Loading rows={6} height={48} />}
          {detail && <Opened key={detail.id} detail={detail} {...props} />}
        </Box>
      </Drawer.Content>
    </Drawer.Root>
  );
}

function Move({ icon, label, onClick }: { icon: IconName; label: string; onClick?: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size={34} aria-label={label.replace(/ \(.*/, '')} disabled={!onClick} onClick={onClick}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  );
}

function Opened({ customer, detail, at, words: said, onNext, onPrevious, onOther }: Props & { detail: RecordingDetail }) {
  const listening = useListening(customer, detail, at);
  const may = useMay(customer);
  const [tab, setTab] = useState<string | null>('transcript');
  const { sound, transcript } = listening;
  useEffect(() => {
    const focus = setTimeout(() => document.getElementById(playID)?.focus({ preventScroll: true }), 30);
    return () => clearTimeout(focus);
  }, []);
  const turn = (by: 1 | -1) => () => {
    const starts = transcript?.turns.map((t) => t.start) ?? [];
    const to = by > 0 ? starts.find((s) => s > sound.at + 0.05) : starts.findLast((s) => s < sound.at - 1);
    if (to !== undefined) listening.seek(to);
  };
  useKeys({
    ' ': () => void listening.play(),
    ArrowLeft: () => listening.seek(sound.at - 5),
    ArrowRight: () => listening.seek(sound.at + 5),
    'Shift+ArrowLeft': turn(-1),
    'Shift+ArrowRight': turn(1),
    '<': () => sound.step(-1),
    '>': () => sound.step(1),
    j: onNext,
    k: onPrevious,
    '/': () => document.querySelector<HTMLInputElement>('[aria-label="Find in the transcript"]')?.focus(),
  });
  return (
    <Stack gap="md">
      <Head detail={detail} />
      <Labels customer={customer} recording={detail.id} tags={detail.tags} />
      <Player detail={detail} listening={listening} may={detail.may.listen} />
      <SentimentView detail={detail} transcript={transcript} />
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="transcript">Transcript</Tabs.Tab>
          <Tabs.Tab value="call">Call</Tabs.Tab>
          <Tabs.Tab value="openings">Who opened it{detail.openings.length > 0 ? ` (${detail.openings.length})` : ''}</Tabs.Tab>
          <Tabs.Tab value="file">File</Tabs.Tab>
          {may('recording.redact') && <Tabs.Tab value="redact">Redact</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="transcript"><TranscriptView detail={detail} listening={listening} may={detail.may.transcript} search={said} /></Tabs.Panel>
        <Tabs.Panel value="call"><CallView detail={detail} seek={listening.seek} onOther={onOther} /></Tabs.Panel>
        <Tabs.Panel value="redact"><RedactView customer={customer} detail={detail} listening={listening} /></Tabs.Panel>
        <Tabs.Panel value="openings"><OpeningsView detail={detail} /></Tabs.Panel>
        <Tabs.Panel value="file"><FileView detail={detail} customer={customer} mayLog={may('journal.read')} /></Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

function Head({ detail }: { detail: RecordingDetail }) {
  const o = other(detail);
  const facts = [
    `${day(detail.started_at)} ${time(detail.started_at)}`,
    directionText[detail.direction],
    o.number,
    detail.queue && `Queue ${detail.queue}`,
    spoken(detail.seconds),
  ];
  return (
    <Box>
      <Title order={1} style={{ overflowWrap: 'anywhere' }}>{title(detail)}</Title>
      <Group gap={8} mt={2}>
        <Text size="sm" c="dimmed" title={exact(detail.started_at)}>{facts.filter(Boolean).join(' · ')}</Text>
        {detail.state !== 'complete' && <Badge>{words(detail.state)}</Badge>}
        {detail.held && <Badge>Held</Badge>}
        {detail.restricted_at && <Badge color="orange" variant="light" title={`Only stored since ${exact(detail.restricted_at)}, at a person's request: opened for a purpose of the law alone`}>Restricted</Badge>}
      </Group>
    </Box>
  );
}
