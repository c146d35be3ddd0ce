import { Alert, Badge, Button, Group, Modal, SimpleGrid, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { BackupLine, BackupPoint, BackupReport, RestoreDrill, RestorePlan } from '../../api/types';
import { ago, bytes, count, exact, moment, took } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { NodeHead } from '../tree/NodeHead';
import { nodeOf, useNodeMay } from '../tree/queries';

const route = getRouteApi('/in/n/$node/backups');

const reportOf = (node: string) => ({
  queryKey: ['node', node, 'backups'],
  queryFn: () => must(api.GET('/api/v1/nodes/{node}/backups', { params: { path: { node }, query: { limit: 500 } } })),
});

/** BackupsPage shows when copies were made and whether a restore from them was tried and whole. */
export function BackupsPage() {
  const { node } = route.useParams();
  const may = useNodeMay(node);
  const provider = useQuery(nodeOf(node)).data?.kind === 'provider';
  const report = useQuery({ ...reportOf(node), refetchInterval: (q) => (q.state.data?.progress.doing ? 2_000 : 30_000) });
  return (
    <>
      <NodeHead node={node} page="Backups" />
      <Page
        title="Backups" about="Copies of the installation elsewhere, encrypted. Every night some of it, and each Sunday all of it, is restored, checked and thrown away."
        actions={provider && may('backup.run') && report.data && report.data.state !== 'off' && <Acts node={node} busy={report.data.progress.doing !== ''} />}
      >
        <Answered query={report} rows={6}>
          {(r) => (
            <>
              <Standing report={r} provider={provider} />
              <Customers node={node} lines={r.customers} off={r.state === 'off'} restores={provider && may('backup.run') && r.points.length > 0} />
              {provider && r.drills.length > 0 && <Drills drills={r.drills} />}
              {provider && r.points.length > 0 && <Points points={r.points} />}
            </>
          )}
        </Answered>
      </Page>
    </>
  );
}

const doing: Record<string, string> = {
  copying: 'Copying databases', keys: 'Copying keys', verifying: 'Reading back', tidying: 'Removing old backups', restoring: 'Trying a restore', checking: 'Checking',
};

function Standing({ report: r, provider }: { report: BackupReport; provider: boolean }) {
  const drill = r.drills[0];
  return (
    <>
      {r.state === 'off' && (
        <Alert color="yellow" icon={<Icon name="warn" />} mb="md" role="note" title="No backups are made">
          {provider ? 'Say where they go in the configuration (backup), make the key with “ringfence backup key”, and start the server again.' : 'Ask whoever runs this installation.'}
        </Alert>
      )}
      {r.state === 'starting' && <Alert color="yellow" icon={<Icon name="clock" />} mb="md" role="note" title="The targets do not answer yet">It is tried again every few minutes. The server’s log says why.</Alert>}
      {r.state === 'failing' && <Alert color="red" icon={<Icon name="warn" />} mb="md" title="The newest drill failed">{provider ? drill?.failures.join(' · ') : 'Whoever runs this installation has been told.'}</Alert>}
      {provider && r.state !== 'off' && !r.keys_to && (
        <Alert color="yellow" icon={<Icon name="key" />} mb="md" role="note" title="Keys have no backup of their own">Without keys nothing of a backup can be opened. Set backup.keys, or keep the key stores by other means.</Alert>
      )}
      {r.progress.doing && (
        <Alert color="blue" icon={<Icon name="refresh" />} mb="md" title={doing[r.progress.doing] ?? r.progress.doing} role="status">
          {r.progress.places} of {count(r.progress.of, 'place')}, {bytes(r.progress.bytes)} read, {bytes(r.progress.sent)} sent
        </Alert>
      )}
      {provider && r.state !== 'off' && (
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} mb="md">
          <Figure label="Last backup" value={r.points[0] ? ago(r.points[0].at) : 'none yet'} note={r.data_to} />
          <Figure label="Measured recovery time" value={drill ? took(drill.seconds) : 'not tried yet'} note={drill ? `${drill.whole ? 'Everything' : 'A sample'}, ${ago(drill.at)}` : ''} />
          <Figure label="Measured recovery point" value={drill ? took(drill.behind_seconds) : '–'} note={r.logged ? 'Changes are logged before they are acknowledged' : 'Only what the backups hold'} />
          <Figure label="Keys" value={r.apart ? 'apart' : 'not backed up'} note={r.keys_to} />
        </SimpleGrid>
      )}
    </>
  );
}

const Figure = ({ label, value, note }: { label: string; value: string; note: string }) => (
  <div className="card" style={{ padding: '12px 16px' }}>
    <Text size="sm" c="dimmed">{label}</Text>
    <Text fz={20} fw={600}>{value}</Text>
    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>{note}</Text>
  </div>
);

function Acts({ node, busy }: { node: string; busy: boolean }) {
  const client = useQueryClient();
  const ask = useMutation({
    mutationFn: (what: 'backups' | 'restore-drills') => must(api.POST(what === 'backups' ? '/api/v1/nodes/{node}/backups' : '/api/v1/nodes/{node}/restore-drills', { params: { path: { node } } })),
    onSuccess: (_, what) => {
      toast(what === 'backups' ? 'A backup is being made.' : 'A restore is being tried.');
      return client.invalidateQueries({ queryKey: ['node', node, 'backups'] });
    },
    onError: (e) => toast(e instanceof Problem ? e.message : 'That did not work.'),
  });
  return (
    <Group gap="xs">
      <Button variant="default" disabled={busy || ask.isPending} onClick={() => ask.mutate('restore-drills')}>Try a restore</Button>
      <Button leftSection={<Icon name="plus" size={16} />} disabled={busy || ask.isPending} onClick={() => ask.mutate('backups')}>Back up now</Button>
    </Group>
  );
}

function Customers({ node, lines, off, restores }: { node: string; lines: BackupLine[]; off: boolean; restores: boolean }) {
  const [back, setBack] = useState<BackupLine | null>(null);
  return (
    <Card title="Customers" about="When each was last copied, and when a restore of it was last tried and was whole. Nothing of what they keep is shown." flush>
      {lines.length === 0 ? (
        <Empty icon="people" title="No customers yet" />
      ) : (
        <Table.ScrollContainer minWidth={640}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Customer</Table.Th>
                <Table.Th>Last backup</Table.Th>
                <Table.Th>Last proven restore</Table.Th>
                <Table.Th ta="right">Size</Table.Th>
                <Table.Th><span className="sr">Restore</span></Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {lines.map((l) => (
                <Table.Tr key={l.id}>
                  <Table.Td fw={550}>{l.name}{l.failure && <Text size="xs" c="red">{l.failure}</Text>}</Table.Td>
                  <Table.Td title={exact(l.last_at)}>{l.last_at ? ago(l.last_at) : <Badge color={off ? 'gray' : 'yellow'}>none yet</Badge>}</Table.Td>
                  <Table.Td title={exact(l.proven_at)}>{l.proven_at ? ago(l.proven_at) : <Badge color="gray">not yet</Badge>}</Table.Td>
                  <Table.Td ta="right" className="num">{bytes(l.bytes)}</Table.Td>
                  <Table.Td ta="right">{restores && l.last_at && <Button size="compact-sm" variant="default" onClick={() => setBack(l)} aria-label={`Restore ${l.name}`}>Restore…</Button>}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {back && <PutBack node={node} line={back} onClose={() => setBack(null)} />}
    </Card>
  );
}

/** PutBack plans first, and acts only once the customer's name was typed. */
function PutBack({ node, line, onClose }: { node: string; line: BackupLine; onClose: () => void }) {
  const client = useQueryClient();
  const [at, setAt] = useState('');
  const [name, setName] = useState('');
  const [plan, setPlan] = useState<RestorePlan | null>(null);
  const ask = useMutation({
    mutationFn: (planOnly: boolean) =>
      must(api.POST('/api/v1/nodes/{node}/restores', {
        params: { path: { node } },
        body: { customer: line.id, plan: planOnly, confirm: planOnly ? '' : name, ...(at ? { at: new Date(at).toISOString() } : {}) },
      })),
    onSuccess: (p) => {
      setPlan(p);
      if (!p.done) return;
      toast(`${p.name} is as it was ${moment(p.reached)}.`);
      void client.invalidateQueries({ queryKey: ['node', node, 'backups'] });
      if (p.remarks.length === 0) onClose();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate(plan === null);
  };
  return (
    <Modal opened onClose={onClose} title={`Restore ${line.name}`} size="lg">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">What {line.name} has now is replaced, people and tokens too; the other customers go on. What was destroyed since does not come back.</Text>
          {!plan?.done && <TextInput
            type="datetime-local" step={1} label="As it was at" description="Left empty: as late as can be had." value={at}
            onChange={(e) => { setAt(e.currentTarget.value); setPlan(null); }}
          />}
          {plan?.done && (
            <Alert color="orange" title="It was restored. What else is to be known" role="status" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {plan.remarks.map((r) => <Text key={r} size="sm" style={{ overflowWrap: 'anywhere' }}>{r}</Text>)}
            </Alert>
          )}
          {plan && !plan.done && (
            <Alert color="blue" title="This is what will be done" role="status">
              <Text size="sm">Begin with {plan.copy_of ? `the copy of ${moment(plan.copy_of)} (${bytes(plan.bytes)})` : 'its birth'}{plan.replay ? ', then replay what was written after it.' : ', as it is.'}</Text>
              <Text size="sm">{count(plan.destroyed, 'key')} destroyed since: what they closed stays closed.</Text>
              {plan.remarks.map((r) => <Text key={r} size="sm">{r}</Text>)}
            </Alert>
          )}
          {plan && !plan.done && <TextInput label={`Type “${line.name}” to go on`} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />}
          {ask.error && <Failed error={ask.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{plan?.done ? 'Close' : 'Cancel'}</Button>
            {plan?.done ? null : plan ? <Button type="submit" color="red" loading={ask.isPending} disabled={name !== line.name}>Restore</Button> : <Button type="submit" loading={ask.isPending}>See what would be done</Button>}
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const Drills = ({ drills }: { drills: RestoreDrill[] }) => (
  <Card title="Drills" about="Restores that were tried and thrown away: from the targets alone, with the keys from their own copy." flush>
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>When</Table.Th>
            <Table.Th>Result</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th ta="right">Took</Table.Th>
            <Table.Th ta="right">Recordings opened</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {drills.map((d) => (
            <Table.Tr key={d.id}>
              <Table.Td title={exact(d.at)}>{moment(d.at)}</Table.Td>
              <Table.Td><Badge color={d.passed ? 'green' : 'red'}>{d.passed ? 'Whole' : 'Failed'}</Badge>{d.failures.map((f) => <Text key={f} size="xs" c="red">{f}</Text>)}</Table.Td>
              <Table.Td>{d.whole ? 'Everything' : 'A sample'}, {count(d.places, 'place')}</Table.Td>
              <Table.Td ta="right">{took(d.seconds)}</Table.Td>
              <Table.Td ta="right" className="num">{d.opened}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  </Card>
);

const Points = ({ points }: { points: BackupPoint[] }) => (
  <Card title="What can be restored to" about="Between these, any minute of one customer can be had from the log of changes." flush>
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Made</Table.Th>
            <Table.Th>Id</Table.Th>
            <Table.Th ta="right">Places</Table.Th>
            <Table.Th ta="right">Size</Table.Th>
            <Table.Th ta="right">Sent</Table.Th>
            <Table.Th>Keys</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {points.map((p) => (
            <Table.Tr key={p.id}>
              <Table.Td title={exact(p.at)}>{moment(p.at)}</Table.Td>
              <Table.Td><Text size="xs" ff="monospace">{p.id}</Text></Table.Td>
              <Table.Td ta="right" className="num">{p.places}</Table.Td>
              <Table.Td ta="right" className="num">{bytes(p.bytes)}</Table.Td>
              <Table.Td ta="right" className="num">{bytes(p.sent)}</Table.Td>
              <Table.Td>{p.keys ? 'apart' : '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  </Card>
);

const own = getRouteApi('/in/c/$customer/backup');

/** OwnBackupPage is what a customer sees: its own line. */
export function OwnBackupPage() {
  const { customer } = own.useParams();
  const line = useQuery({
    queryKey: here(customer, 'backup'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/backup', { params: { path: { customer } } })),
  });
  return (
    <Page title="Backup" about="When your recordings and all that belongs to them were last copied elsewhere, encrypted, and when a restore from a copy was last tried and whole.">
      <Answered query={line} rows={2}>
        {(l) => !l.last_at && !l.failure ? (
          <div className="card">
            <Empty icon="copy" title="No copy was made yet">Whoever runs this installation says where copies go. Ask them when the first one is due.</Empty>
          </div>
        ) : (
          <SimpleGrid cols={{ base: 1, xs: 3 }}>
            <Figure label="Last backup" value={l.last_at ? ago(l.last_at) : 'none yet'} note={moment(l.last_at)} />
            <Figure label="Last proven restore" value={l.proven_at ? ago(l.proven_at) : 'not yet'} note={l.failure || (l.proven_at ? `The drill took ${took(l.seconds)}` : '')} />
            <Figure label="Recordings’ objects in the inventory" value={l.objects.toLocaleString('en-GB')} note={`${bytes(l.bytes)} of database`} />
          </SimpleGrid>
        )}
      </Answered>
    </Page>
  );
}
