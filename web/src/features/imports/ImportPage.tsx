import { Alert, Anchor, Button, Group, Progress, SegmentedControl, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import type { Import, ImportCounts } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { bytes, count, moment, spoken } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { busy, importFiles, oneImport, part, said } from './queries';

/** ImportPage shows what an import would do, lets it be started, and accounts for every file. */
export function ImportPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const { import: id = '' } = useParams({ strict: false }) as { import?: string };
  const query = useQuery({ ...oneImport(customer, id), refetchInterval: (q) => (q.state.data && busy(q.state.data) ? 1500 : false) });
  return (
    <Answered query={query}>
      {(i) => (
        <Page title={i.settings.name} about={<>{said[i.state]} · {i.settings.folder && <span className="mono">{i.settings.folder}</span>} · prepared {moment(i.created_at)}</>} actions={<Acts of={i} customer={customer} />}>
          {i.state === 'stopped' && (
            <Alert color="red" variant="light" title="It cannot go on at present" icon={<Icon name="warn" />} mb="md" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {i.state_text} It is tried again by itself, and goes on where it stopped.
            </Alert>
          )}
          <Going of={i} />
          <Figures of={i} />
          <Files of={i} customer={customer} />
          {(i.state === 'done' || i.state === 'cancelled') && <End of={i} customer={customer} />}
        </Page>
      )}
    </Answered>
  );
}

type Act = 'start' | 'pause' | 'resume' | 'cancel';

function Acts({ of: i, customer }: { of: Import; customer: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<'cancel' | 'remove' | null>(null);
  const path = { customer, import: i.id };
  const act = useMutation({
    mutationFn: (a: Act) => must(api.POST(`/api/v1/customers/{customer}/imports/{import}/${a}`, { params: { path } })),
    onSuccess: () => client.invalidateQueries({ queryKey: here(customer, 'imports') }),
  });
  const waits = i.state === 'paused' || i.state === 'stopped';
  const over = i.state === 'done' || i.state === 'cancelled';
  return (
    <Stack gap={4} align="flex-end">
      <Group gap="xs">
        {i.state === 'ready' && <Button loading={act.isPending} onClick={() => act.mutate('start')}>Start: take in {count(i.preview.new, 'file')}</Button>}
        {busy(i) && <Button variant="default" onClick={() => act.mutate('pause')}>Pause</Button>}
        {waits && <Button variant="default" onClick={() => act.mutate('resume')}>Go on</Button>}
        {!over && <Button variant="default" onClick={() => setAsking('cancel')}>End it</Button>}
        {over && <Button variant="default" onClick={() => setAsking('remove')}>Remove the list</Button>}
      </Group>
      {act.error != null && <Failed error={act.error} />}
      <Confirm title="End this import?" act="End it" opened={asking === 'cancel'} onClose={() => setAsking(null)} onConfirm={() => act.mutateAsync('cancel')}>
        What was taken in stays in the archive. It cannot be continued afterwards; another import of the same folder leaves out what is archived.
      </Confirm>
      <Confirm
        title="Remove the list of this import?" act="Remove" opened={asking === 'remove'} onClose={() => setAsking(null)}
        onConfirm={async () => {
          await must(api.DELETE('/api/v1/customers/{customer}/imports/{import}', { params: { path } }));
          await navigate({ to: `/c/${customer}/imports` });
        }}
      >
        Its recordings stay, and the change log keeps its totals. Download the list first if you may need it.
      </Confirm>
    </Stack>
  );
}

/** Going is how far it is: of the preview, then of the run. */
function Going({ of: i }: { of: Import }) {
  if (i.state === 'done' || i.state === 'cancelled') return null;
  const n = i.started_at ? i.done : i.looked;
  return (
    <Card>
      <Stack gap={6}>
        <Progress value={part(i)} size="lg" aria-label={`${part(i)} %`} />
        <Text size="sm" role="status">
          {i.started_at ? 'Taken in' : 'Looked at'} {n.toLocaleString()} of {i.files.toLocaleString()}{i.listed ? '' : ' found so far'} files, {bytes(i.bytes)}.
          {i.yielding && ' It waits: new recordings are being captured, and they come first.'}
        </Text>
      </Stack>
    </Card>
  );
}

const names: [keyof ImportCounts, string, string][] = [
  ['new', 'New', 'would be archived'],
  ['archived', 'Archived', ''],
  ['duplicate', 'Duplicates', 'archived already, or twice here'],
  ['expired', 'Expired', 'older than recordings are kept'],
  ['unreadable', 'Unreadable', 'no sound, or damaged'],
  ['vanished', 'Vanished', 'no longer in the folder'],
  ['changed', 'Changed', 'not what was listed'],
];

/** Figures are the totals; those of an ended import add up to its files. */
function Figures({ of: i }: { of: Import }) {
  const ran = !!i.started_at;
  const counts = ran ? i.outcomes : i.preview;
  const shown = names.filter(([k]) => (ran ? k !== 'new' : k !== 'archived' && k !== 'vanished' && k !== 'changed'));
  return (
    <Card title={ran ? 'What became of the files' : 'What would happen'} about={ran ? `Every one of the ${i.files.toLocaleString()} files ends in exactly one of these.` : undefined}>
      <SimpleGrid cols={{ base: 2, sm: 3, md: 4 }}>
        {shown.map(([k, title, note]) => (
          <div key={k}>
            <Text size="xl" fw={650} className="num">{counts[k].toLocaleString()}</Text>
            <Text size="sm">{title}</Text>
            <Text size="xs" c="dimmed">{note}</Text>
          </div>
        ))}
      </SimpleGrid>
      <Text size="sm" mt="md">
        New: {count(i.calls, 'call')}, {bytes(i.new_bytes)}, {spoken(i.new_seconds)} of sound.
        {i.others > 0 && ` ${count(i.others, 'other file')} in the folder ${i.others === 1 ? 'is' : 'are'} left alone.`}{' '}
        {i.settings.transcribe
          ? i.speech_hours != null ? `To transcribe them takes about ${spoken(i.speech_hours * 3600)}, by how fast the engine was of late.` : 'How long transcribing takes is not known yet: nothing was transcribed since the server started.'
          : `Nothing of it is transcribed${i.speech_hours != null ? ` (it would take about ${spoken(i.speech_hours * 3600)})` : ''}.`}
      </Text>
    </Card>
  );
}

/** Files lists those that need a look, with the reason of each. */
function Files({ of: i, customer }: { of: Import; customer: string }) {
  const [what, setWhat] = useState('unreadable');
  const query = useQuery(importFiles(customer, i.id, what));
  return (
    <Card title="Files" flush actions={
      <SegmentedControl aria-label="Which files" size="xs" value={what} onChange={setWhat} data={['unreadable', 'duplicate', 'expired', 'changed', 'vanished'].map((v) => ({ value: v, label: v }))} />
    }>
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? <Empty icon="check" title={`No file is ${what === 'duplicate' ? 'a duplicate' : what}`}>{null}</Empty> : (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>File</Table.Th><Table.Th ta="right">Size</Table.Th><Table.Th>Why</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((f) => (
                    <Table.Tr key={f.n}><Table.Td className="mono">{f.file}</Table.Td><Table.Td ta="right" className="num">{bytes(f.size)}</Table.Td><Table.Td>{f.reason}</Table.Td></Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Answered>
    </Card>
  );
}

/** End is the statement and the whole list. */
function End({ of: i, customer }: { of: Import; customer: string }) {
  const report = useQuery({
    queryKey: here(customer, 'imports', i.id, 'report'), enabled: i.state === 'done',
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/imports/{import}/report', { params: { path: { customer, import: i.id } } })),
  });
  return (
    <Card title="Report" about="The totals are signed with the installation's key, together with a fingerprint of the list.">
      {report.data && <pre className="mono" style={{ overflowX: 'auto', margin: 0 }}>{report.data.text}</pre>}
      <Anchor mt="sm" display="inline-block" href={`/api/v1/customers/${customer}/imports/${i.id}/list`} download>Download the list of all files (CSV)</Anchor>
    </Card>
  );
}
