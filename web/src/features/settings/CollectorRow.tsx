import { Badge, Button, Group, Modal, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Device } from '../../api/types';
import { ago, exact } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

const states: Record<string, string> = { waiting: 'Waits for its code', enrolled: 'Enrolled', revoked: 'Refused' };

/** CollectorRow is one box: what it runs, how it stands, and what can be done with it. */
export function CollectorRow({ device: d, source, customer, onRefuse }: { device: Device; source: string; customer: string; onRefuse: () => void }) {
  const [changing, setChanging] = useState(false);
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={550}>{d.name}</Text>
        <Text size="xs" c="dimmed">{source}</Text>
      </Table.Td>
      <Table.Td><Badge>{states[d.state] ?? d.state}</Badge></Table.Td>
      <Table.Td title={exact(d.last_seen_at)}>
        {ago(d.last_seen_at)}
        {d.last_address && <Text size="xs" c="dimmed">from {d.last_address}</Text>}
        {d.waiting > 0 && <Text size="xs" c="dimmed">{d.waiting} wait{d.oldest_at ? `, since ${ago(d.oldest_at)}` : ''}</Text>}
        {d.unanswered > 0 && <Text size="xs" fw={550}>Has not said what became of {d.unanswered} destroyed {d.unanswered === 1 ? 'recording' : 'recordings'}{d.unanswered_since ? `, asked ${ago(d.unanswered_since)}` : ''}</Text>}
        {d.clock_off && d.clock_seconds != null && <Text size="xs" fw={550}>Clock {d.clock_seconds > 0 ? 'ahead' : 'behind'} by {Math.abs(d.clock_seconds).toFixed(1)} s: have it set from the network</Text>}
      </Table.Td>
      <Table.Td><Runs device={d} customer={customer} /></Table.Td>
      <Table.Td ta="right">
        {d.state !== 'revoked' && (
          <Group gap={6} justify="flex-end" wrap="nowrap">
            <Button size="compact-sm" variant="default" onClick={() => setChanging(true)} aria-label={`Change ${d.name}`}>Change</Button>
            <Button size="compact-sm" variant="default" onClick={onRefuse} aria-label={`Refuse ${d.name}`}>Refuse</Button>
          </Group>
        )}
        {changing && <Change device={d} customer={customer} onClose={() => setChanging(false)} />}
      </Table.Td>
    </Table.Tr>
  );
}

/** Runs says which release a box runs, and lets a newer one be asked for. */
function Runs({ device: d, customer }: { device: Device; customer: string }) {
  const client = useQueryClient();
  const ask = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/devices/{device}/upgrade', { params: { path: { customer, device: d.id } } })),
    onSuccess: (asked) => {
      toast(`${d.name} takes ${asked.release} within five minutes, and goes back if it does not work.`);
      return client.invalidateQueries({ queryKey: here(customer, 'devices') });
    },
    onError: (e) => toast(e instanceof Problem ? e.message : 'The upgrade could not be asked for.', 'bad'),
  });
  if (d.state === 'waiting') return <>–</>;
  return (
    <Stack gap={2} align="flex-start">
      <Text size="sm" className="num">{d.release || 'before 0.4'}</Text>
      {d.platform && <Text size="xs" c="dimmed">{d.platform}</Text>}
      {d.too_old && <Text size="xs" fw={550}>Too old: nothing is taken from it until it is upgraded</Text>}
      {d.upgrade_failed && <Text size="xs">Went back from {d.upgrade_failed}</Text>}
      {d.upgrade_to ? (
        <Text size="xs" c="dimmed">Takes {d.upgrade_to} soon</Text>
      ) : (
        d.offered && d.state === 'enrolled' && <Button size="compact-xs" variant="light" loading={ask.isPending} onClick={() => ask.mutate()} aria-label={`Upgrade ${d.name} to ${d.offered}`}>Upgrade to {d.offered}</Button>
      )}
    </Stack>
  );
}

function Change({ device: d, customer, onClose }: { device: Device; customer: string; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(d.name);
  const [always, setAlways] = useState(d.upgrades === 'always');
  const save = useMutation({
    mutationFn: () =>
      must(api.PUT('/api/v1/customers/{customer}/devices/{device}', { params: { path: { customer, device: d.id } }, body: { name, upgrades: always ? 'always' : 'ask' } })),
    onSuccess: () => {
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'devices') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={`Change ${d.name}`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" required data-autofocus value={name} maxLength={100} error={p?.about('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <Switch
            label="Take new releases by itself" description="Signed ones that this server offers. The box goes back to the one before if a new one does not report back."
            checked={always} onChange={(e) => setAlways(e.currentTarget.checked)}
          />
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Save</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
