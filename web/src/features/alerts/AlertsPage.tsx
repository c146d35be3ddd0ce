import { Badge, Button, Group, Modal, Select, Stack, Table, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { sentence } from '../../api/errors';
import { useMay, useMe } from '../../api/me';
import { ago, count, exact, moment, words } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { acknowledge, assign, below, keyOf, lasted, list, one, snooze, type Alert, type Whose } from './data';
import { useNodeMay } from '../tree/queries';
import { Setup } from './Setup';

export function AlertsPage() {
  const { customer } = useParams({ strict: false });
  return <Alerts whose={{ customer: customer! }} manage={useMay(customer!)('alert.manage')} />;
}

export function NodeAlertsPage() {
  const { node } = useParams({ strict: false });
  return <Alerts whose={{ node: node! }} manage={useNodeMay(node!)('alert.manage')} />;
}

function Alerts({ whose, manage }: { whose: Whose; manage: boolean }) {
  const open = useQuery(list(whose, 'open'));
  const [past, setPast] = useState(false);
  const ended = useQuery({ ...list(whose, 'ended'), enabled: past });
  return (
    <Page title="Alerts" about="What is wrong now, and who deals with it. An alert ends by itself when what it is about is right again.">
      <Answered query={open}>
        {(data) =>
          data.items.length === 0 ? (
            <div className="card" style={{ marginBottom: 16 }}>
              <Empty icon="check" title="Nothing is wrong">Sources, collectors, files, quotas and credentials are looked at all the time.</Empty>
            </div>
          ) : (
            <Stack gap="sm" mb="md">
              {data.items.map((a) => <One key={a.id} alert={a} whose={whose} manage={manage} />)}
            </Stack>
          )
        }
      </Answered>
      {'node' in whose && <BelowCard node={whose.node} />}
      <Card flush title="Ended" actions={!past && <Button variant="default" size="compact-sm" onClick={() => setPast(true)}>Show</Button>}>
        {past && <Answered query={ended}>{(data) => <Ended items={data.items} />}</Answered>}
      </Card>
      <Setup whose={whose} manage={manage} />
    </Page>
  );
}

function One({ alert, whose, manage }: { alert: Alert; whose: Whose; manage: boolean }) {
  const client = useQueryClient();
  const me = useMe();
  const [asking, setAsking] = useState<'acknowledge' | 'snooze' | 'story' | null>(null);
  const fresh = () => client.invalidateQueries({ queryKey: keyOf(whose) });
  const mine = useMutation({
    mutationFn: () => assign(whose, alert.id, me!.person.id),
    onSuccess: () => {
      toast('The alert is yours.');
      return fresh();
    },
    onError: () => toast('The alert could not be assigned just now.', 'bad'),
  });
  const handled = alert.acknowledged_at ? `Acknowledged ${ago(alert.acknowledged_at)}` : alert.snoozed_until ? `Snoozed until ${moment(alert.snoozed_until)}` : '';
  return (
    <article className="card" style={{ padding: 16 }} aria-label={alert.title}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 380px', minWidth: 0 }}>
          <Group gap={8}>
            <Badge color={alert.severity === 'urgent' ? 'red.8' : 'gray'} variant={alert.severity === 'urgent' ? 'light' : 'default'}>{words(alert.severity)}</Badge>
            <Text fw={600}>{alert.title}{alert.about && `: ${alert.about}`}</Text>
          </Group>
          {alert.text && <Text size="sm" mt={6}>{sentence(alert.text)}</Text>}
          <Text size="sm" mt={4}><b style={{ fontWeight: 600 }}>What to do:</b> {alert.what_to_do}</Text>
          <Text size="xs" c="dimmed" mt={8} title={exact(alert.since)}>
            {[`since ${ago(alert.since)}`, alert.flaps > 0 && `came back ${count(alert.flaps, 'time')}`, handled, alert.owner_id && (alert.owner_id === me?.person.id ? 'yours' : 'assigned')].filter(Boolean).join(' · ')}
          </Text>
        </div>
        <Group gap="xs">
          {manage && !alert.acknowledged_at && <Button size="compact-sm" onClick={() => setAsking('acknowledge')} aria-label={`Acknowledge: ${alert.title}`}>Acknowledge</Button>}
          {manage && <Button size="compact-sm" variant="default" onClick={() => setAsking('snooze')} aria-label={`Snooze: ${alert.title}`}>Snooze</Button>}
          {manage && alert.owner_id !== me?.person.id && <Button size="compact-sm" variant="default" loading={mine.isPending} onClick={() => mine.mutate()} aria-label={`Take it: ${alert.title}`}>Take it</Button>}
          <Button size="compact-sm" variant="default" onClick={() => setAsking('story')} aria-label={`Story: ${alert.title}`}>Story</Button>
        </Group>
      </Group>
      {asking === 'story' && <Story alert={alert} whose={whose} onClose={() => setAsking(null)} />}
      {(asking === 'acknowledge' || asking === 'snooze') && <Act what={asking} alert={alert} whose={whose} onClose={() => setAsking(null)} onDone={fresh} />}
    </article>
  );
}

const spans = [
  { value: '1', label: 'For an hour' },
  { value: '4', label: 'For four hours' },
  { value: '24', label: 'For a day' },
  { value: '168', label: 'For a week' },
];

function Act({ what, alert, whose, onClose, onDone }: { what: 'acknowledge' | 'snooze'; alert: Alert; whose: Whose; onClose: () => void; onDone: () => unknown }) {
  const [note, setNote] = useState('');
  const [hours, setHours] = useState('4');
  const go = useMutation({
    mutationFn: () => (what === 'acknowledge' ? acknowledge(whose, alert.id, note) : snooze(whose, alert.id, new Date(Date.now() + Number(hours) * 3_600_000).toISOString(), note)),
    onSuccess: async () => {
      toast(what === 'acknowledge' ? 'Acknowledged: nobody is told further.' : 'Snoozed: it is told again then, if it still holds.');
      onClose();
      await onDone();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    go.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={what === 'acknowledge' ? 'Who deals with it?' : 'Put it aside'} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{what === 'acknowledge' ? 'You do: nobody is told of this alert further. It ends by itself when it is right again.' : 'Nobody is told meanwhile. If it still holds then, it is told again.'}</Text>
          {what === 'snooze' && <Select label="How long" data={spans} value={hours} onChange={(v) => setHours(v ?? '4')} allowDeselect={false} />}
          <Textarea label="Note" description="Stands in the alert's story" value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={1000} autosize minRows={2} data-autofocus />
          {go.error != null && <Failed error={go.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={go.isPending}>{what === 'acknowledge' ? 'Acknowledge' : 'Snooze'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const happened: Record<string, string> = {
  raised: 'Raised', worse: 'Became urgent', told: 'Somebody was told', acknowledged: 'Acknowledged', snoozed: 'Snoozed', awake: 'Told again after the snooze', assigned: 'Assigned', ended: 'Ended by itself',
};

function Story({ alert, whose, onClose }: { alert: Alert; whose: Whose; onClose: () => void }) {
  const query = useQuery(one(whose, alert.id));
  return (
    <Modal opened onClose={onClose} title={alert.title} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Answered query={query}>
        {(data) => (
          <Table>
            <Table.Thead><Table.Tr><Table.Th>When</Table.Th><Table.Th>What</Table.Th><Table.Th>Note</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {data.story.map((h, i) => (
                <Table.Tr key={i}>
                  <Table.Td title={exact(h.at)}>{moment(h.at)}</Table.Td>
                  <Table.Td>{happened[h.what] ?? words(h.what)}{h.what === 'snoozed' && ` until ${moment(h.detail)}`}{h.what === 'ended' && `, after ${h.detail}`}</Table.Td>
                  <Table.Td>{h.note || '–'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Answered>
    </Modal>
  );
}

function Ended({ items }: { items: Alert[] }) {
  if (items.length === 0) return <Empty icon="history" title="None has ended yet" />;
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>What</Table.Th><Table.Th>Began</Table.Th><Table.Th>Lasted</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((a) => (
            <Table.Tr key={a.id}>
              <Table.Td>{a.title}{a.about && `: ${a.about}`}</Table.Td>
              <Table.Td title={exact(a.since)}>{moment(a.since)}</Table.Td>
              <Table.Td className="num">{lasted(a.lasted_seconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** BelowCard lists what customers below have pushed up: kinds, times, figures. */
function BelowCard({ node }: { node: string }) {
  const query = useQuery(below(node));
  return (
    <Card flush title="At customers below" about="Kinds, times and figures, pushed up by the customers themselves: nothing here opens a customer.">
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? <Empty icon="check" title="Nothing is wrong below" /> : (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Customer</Table.Th><Table.Th>What</Table.Th><Table.Th>Since</Table.Th><Table.Th>State</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((a) => (
                    <Table.Tr key={a.id}>
                      <Table.Td fw={550}>{a.node_name}</Table.Td>
                      <Table.Td>{a.title}{Object.entries(a.figures).map(([k, v]) => <Text key={k} size="xs" c="dimmed" span> · {words(k)} {v}</Text>)}</Table.Td>
                      <Table.Td title={exact(a.since)}>{ago(a.since)}</Table.Td>
                      <Table.Td><Badge color={a.severity === 'urgent' && !a.acknowledged_at ? 'red.8' : 'gray'} variant={a.severity === 'urgent' && !a.acknowledged_at ? 'light' : 'default'}>{a.acknowledged_at ? 'Acknowledged' : words(a.severity)}</Badge></Table.Td>
                    </Table.Tr>
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
