import { Badge, Button, Group, Modal, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { sentence } from '../../api/errors';
import type { Source } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, count, exact } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';
import { sources } from './queries';
import { PickupSettings } from './PickupSettings';
import { Unverified, useProfile } from './Profiles';
import { PushSettings } from './PushSettings';
import { kinds, settingsOf, SourceForm } from './SourceForm';
import { SystemSettings } from './SystemSettings';

export function SourcesPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(sources(customer));
  const [edit, setEdit] = useState<Source | 'new' | null>(null);
  const add = <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEdit('new')}>Add a source</Button>;
  return (
    <Page title="Sources" about="Where recordings come from: a folder, a collector beside the telephone system, files that others push, or that are fetched from elsewhere." actions={add}>
      <Answered query={query}>
        {(data) =>
          data.items.every((s) => s.kind === 'import') ? (
            <div className="card">
              <Empty icon="box" title="No source yet">Add the folder in which your telephone system leaves recordings, or a collector that runs beside it.</Empty>
            </div>
          ) : (
            <Stack gap="sm">
              {data.items.filter((s) => s.kind !== 'import').map((s) => (
                <Line key={s.id} source={s} customer={customer} edit={() => setEdit(s)} />
              ))}
            </Stack>
          )
        }
      </Answered>
      {edit && <SourceForm key={edit === 'new' ? 'new' : edit.id} customer={customer} source={edit === 'new' ? null : edit} onClose={() => setEdit(null)} />}
    </Page>
  );
}

const states: Record<string, { text: string; tone: string }> = {
  active: { text: 'Watching', tone: 'positive' },
  watching: { text: 'Watching', tone: 'positive' },
  paused: { text: 'Paused', tone: 'neutral' },
  failing: { text: 'Failing', tone: 'negative' },
  waiting: { text: 'Waiting', tone: 'neutral' },
  'waiting-for-retention': { text: 'Waits for retention', tone: 'neutral' },
};

const after: Record<string, string> = { keep: 'kept where they are', move: 'moved aside', delete: 'deleted' };

function Line({ source: s, customer, edit }: { source: Source; customer: string; edit: () => void }) {
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const [way, setWay] = useState(false);
  const path = { customer, source: s.id };
  const again = () => client.invalidateQueries({ queryKey: here(customer, 'sources') });
  const pause = useMutation({
    mutationFn: (paused: boolean) => must(api.PATCH('/api/v1/customers/{customer}/sources/{source}', { params: { path }, body: { ...settingsOf(s), paused } })),
    onSuccess: again,
    onError: () => toast('That did not succeed. Try again.', 'bad'),
  });
  const remove = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/sources/{source}', { params: { path } }));
    toast(`${s.name} is no longer captured from. Its recordings stay.`);
    await again();
  };
  const state = states[s.state] ?? { text: s.state, tone: 'neutral' };
  const paused = s.state === 'paused';
  const profile = useProfile(customer, s.profile);
  return (
    <article className="card" style={{ padding: 16 }} aria-label={s.name}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 340px', minWidth: 0 }}>
          <Group gap="xs">
            <Title order={2}>{s.name}</Title>
            <Badge>{kinds.find((k) => k.value === s.kind)?.label ?? s.kind}</Badge>
            <Badge>{profile?.title ?? s.profile}</Badge>
            {profile && !profile.verified && <Unverified />}
          </Group>
          {s.folder && <Text className="mono" mt={6}>{s.folder}</Text>}
          <Text size="sm" c="dimmed" mt={6}>
            {s.time_zone} · {s.language || 'not transcribed'} · source files are {after[s.after] ?? s.after}
          </Text>
          <Text size="sm" mt={6}>
            <span className={state.tone} style={{ fontWeight: 550 }}>{state.text}</span>
            <Text span c="dimmed" inherit title={exact(s.last_captured_at)}>
              {' '}· last recording {ago(s.last_captured_at)}
              {s.files_waiting > 0 && ` · ${count(s.files_waiting, 'file')} waiting`}
            </Text>
            {s.files_attention > 0 && (
              <>
                {' · '}
                <LinkAnchor to="/c/$customer/attention" params={{ customer }} inherit underline="always">{count(s.files_attention, 'file needs', 'files need')} attention</LinkAnchor>
              </>
            )}
          </Text>
          {s.state_text && <Text size="sm" mt={2}>{sentence(s.state_text)}</Text>}
        </div>
        <Group gap={6}>
          {s.kind === 'drop' && <Button size="compact-sm" variant="default" onClick={() => setWay(true)} aria-label={`Push to ${s.name}`}>Push</Button>}
          {s.kind === 'pickup' && <Button size="compact-sm" variant="default" onClick={() => setWay(true)} aria-label={`Where from: ${s.name}`}>Where from</Button>}
          <Button size="compact-sm" variant="default" loading={pause.isPending} onClick={() => pause.mutate(!paused)} aria-label={`${paused ? 'Go on with' : 'Pause'} ${s.name}`}>{paused ? 'Go on' : 'Pause'}</Button>
          <Button size="compact-sm" variant="default" onClick={edit} aria-label={`Change ${s.name}`}>Change</Button>
          <Button size="compact-sm" variant="default" onClick={() => setRemoving(true)} aria-label={`Remove ${s.name}`}>Remove</Button>
        </Group>
      </Group>
      <Modal opened={way} onClose={() => setWay(false)} size="xl" centered title={s.kind === 'drop' ? `Push to ${s.name}` : `Where ${s.name} comes from`} closeButtonProps={{ 'aria-label': 'Close' }}>
        {s.kind === 'drop' ? <PushSettings customer={customer} source={s} /> : <PickupSettings customer={customer} source={s} />}
      </Modal>
      {s.kind === 'system' && <SystemSettings customer={customer} source={s} />}
      <Confirm title={`Stop capturing from ${s.name}?`} act="Remove the source" opened={removing} onClose={() => setRemoving(false)} onConfirm={remove}>
        Recordings that were captured from it stay. New files there are no longer looked at.
      </Confirm>
    </article>
  );
}
