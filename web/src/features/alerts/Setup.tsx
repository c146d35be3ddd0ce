import { ActionIcon, Badge, Button, Checkbox, Group, Modal, MultiSelect, NumberInput, Select, Stack, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { useMay, useMe } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { ago, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { members } from '../settings/queries';
import { keyOf, removeContact, saveContact, saveSettings, setup, testContact, type Contact, type ContactSettings, type Setup as Shape, type Whose } from './data';

/** Setup is who is told of which alerts, and when silence is meant. */
export function Setup({ whose, manage }: { whose: Whose; manage: boolean }) {
  const query = useQuery(setup(whose));
  const [editing, setEditing] = useState<Contact | 'new' | null>(null);
  return (
    <>
      <Card flush title="Who is told" about="By mail, without anything of a call. Where nobody is named, the administrators are told."
        actions={manage && <Button leftSection={<Icon name="plus" size={16} />} variant="default" onClick={() => setEditing('new')}>Add a contact</Button>}
      >
        <Answered query={query} rows={2}>
          {(data) => (data.contacts.length === 0 ? <Empty icon="mail" title="The administrators are told">Add a contact to choose who, of what, and when.</Empty> : <Contacts data={data} whose={whose} manage={manage} onEdit={setEditing} />)}
        </Answered>
      </Card>
      {manage && query.data && <Owners key={JSON.stringify(query.data.settings.owners)} data={query.data} whose={whose} />}
      {'customer' in whose && manage && query.data && <Closed key={query.data.settings.closed_days.join()} data={query.data} whose={whose} />}
      {editing && query.data && <Form contact={editing === 'new' ? undefined : editing} kinds={query.data.kinds} whose={whose} onClose={() => setEditing(null)} />}
    </>
  );
}

function Contacts({ data, whose, manage, onEdit }: { data: Shape; whose: Whose; manage: boolean; onEdit: (c: Contact) => void }) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Contact | null>(null);
  const fresh = () => client.invalidateQueries({ queryKey: keyOf(whose) });
  const test = useMutation({
    mutationFn: (c: Contact) => testContact(whose, c.id),
    onSuccess: () => {
      toast('A test mail was handed on.');
      return fresh();
    },
    onError: (e) => {
      toast(e instanceof Problem ? e.message : 'The test mail could not be sent.', 'bad');
      return fresh();
    },
  });
  const title = (k: string) => data.kinds.find((o) => o.kind === k)?.title ?? k;
  return (
    <>
      <Table.ScrollContainer minWidth={640}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>Who</Table.Th><Table.Th>Of what</Table.Th><Table.Th>When</Table.Th><Table.Th>Last mail</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {data.contacts.map((c) => (
              <Table.Tr key={c.id}>
                <Table.Td><Text size="sm" fw={550}>{c.name}</Text><Text size="xs" c="dimmed">{c.email}</Text></Table.Td>
                <Table.Td>{c.kinds.length === 0 ? 'All kinds' : c.kinds.map(title).join(', ')}{c.urgent_only && ', urgent only'}{c.below && ', customers below too'}</Table.Td>
                <Table.Td>{[c.after_minutes > 0 ? `after ${count(c.after_minutes, 'minute')}` : 'at once', c.quiet_from !== c.quiet_to && `not ${c.quiet_from}–${c.quiet_to} unless urgent`].filter(Boolean).join(', ')}</Table.Td>
                <Table.Td title={moment(c.mailed_at)}>{c.failed_at ? <Badge color="red">Failed {ago(c.failed_at)}</Badge> : ago(c.mailed_at)}{c.failure && <Text size="xs" c="dimmed">{c.failure}</Text>}</Table.Td>
                <Table.Td ta="right">
                  {manage && (
                    <Group gap={6} justify="flex-end" wrap="nowrap">
                      <Button size="compact-sm" variant="default" loading={test.isPending && test.variables?.id === c.id} onClick={() => test.mutate(c)} aria-label={`Send a test to ${c.name}`}>Test</Button>
                      <Button size="compact-sm" variant="default" onClick={() => onEdit(c)} aria-label={`Change ${c.name}`}>Change</Button>
                      <Button size="compact-sm" variant="default" onClick={() => setGone(c)} aria-label={`Remove ${c.name}`}>Remove</Button>
                    </Group>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Remove ${gone?.name}?`} act="Remove" opened={gone !== null} onClose={() => setGone(null)} onConfirm={async () => {
        await removeContact(whose, gone!.id);
        await fresh();
      }}>
        Nobody is told at this address any more.
      </Confirm>
    </>
  );
}

function Form({ contact, kinds, whose, onClose }: { contact?: Contact; kinds: Shape['kinds']; whose: Whose; onClose: () => void }) {
  const client = useQueryClient();
  const [f, setF] = useState<ContactSettings>(contact ?? {
    name: '', email: '', kinds: [], urgent_only: false, below: 'node' in whose, after_minutes: 0, quiet_from: '00:00', quiet_to: '00:00', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  const set = (part: Partial<ContactSettings>) => setF({ ...f, ...part });
  const save = useMutation({
    mutationFn: () => saveContact(whose, contact?.id, {
      name: f.name, email: f.email, person_id: f.person_id, kinds: f.kinds, urgent_only: f.urgent_only, below: f.below, after_minutes: f.after_minutes, quiet_from: f.quiet_from, quiet_to: f.quiet_to, time_zone: f.time_zone,
    }),
    onSuccess: async () => {
      toast('Saved.');
      onClose();
      await client.invalidateQueries({ queryKey: keyOf(whose) });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={contact ? `Change ${contact.name}` : 'Who is told'} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Group grow align="flex-start">
            <TextInput label="Name" required data-autofocus value={f.name} maxLength={200} error={p?.about('name')} onChange={(e) => set({ name: e.currentTarget.value })} />
            <TextInput label="E-mail" required type="email" value={f.email} maxLength={254} error={p?.about('email')} onChange={(e) => set({ email: e.currentTarget.value })} />
          </Group>
          <MultiSelect label="Of which kinds" description="None chosen: of all" data={kinds.map((k) => ({ value: k.kind, label: k.title }))} value={f.kinds} onChange={(v) => set({ kinds: v })} clearable clearButtonProps={{ 'aria-label': 'All kinds' }} />
          <Checkbox label="Urgent ones only" checked={f.urgent_only} onChange={(e) => set({ urgent_only: e.currentTarget.checked })} />
          {'node' in whose && <Checkbox label="Also those of the customers below, without content" checked={f.below ?? false} onChange={(e) => set({ below: e.currentTarget.checked })} />}
          <NumberInput label="Only if nobody has acknowledged it for (minutes)" description="0: at once. More makes this contact an escalation" min={0} max={10080} value={f.after_minutes} onChange={(v) => set({ after_minutes: Number(v) || 0 })} />
          <Group grow align="flex-start">
            <TextInput label="Quiet from" description="What is not urgent waits" type="time" value={f.quiet_from} onChange={(e) => set({ quiet_from: e.currentTarget.value })} error={p?.about('quiet_from')} />
            <TextInput label="Quiet until" description="The same: no quiet hours" type="time" value={f.quiet_to} onChange={(e) => set({ quiet_to: e.currentTarget.value })} />
            <TextInput label="Time zone" description="Of these hours" value={f.time_zone} onChange={(e) => set({ time_zone: e.currentTarget.value })} error={p?.about('time_zone')} />
          </Group>
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

/** useOwners are the people who can be said to own an alert: those with a role here as far as they may be listed, and oneself. */
function useOwners(whose: Whose) {
  const me = useMe();
  const customer = 'customer' in whose ? whose.customer : '';
  const list = useQuery({ ...members(customer), enabled: useMay(customer)('member.read') && customer !== '' }).data?.items ?? [];
  const all = new Map(list.filter((m) => m.state === 'active').map((m) => [m.person_id, m.name]));
  if (me) all.set(me.person.id, `${me.person.name} (you)`);
  return all;
}

/** Owners says whose an alert is when it comes up: one person for all kinds, and others for kinds that are named. */
function Owners({ data, whose }: { data: Shape; whose: Whose }) {
  const client = useQueryClient();
  const people = useOwners(whose);
  const [owners, setOwners] = useState<Record<string, string>>(data.settings.owners);
  const save = useMutation({
    mutationFn: () => saveSettings(whose, { owners: Object.fromEntries(Object.entries(owners).filter(([, person]) => person)), closed_days: data.settings.closed_days }),
    onSuccess: () => {
      toast('Saved.');
      return client.invalidateQueries({ queryKey: keyOf(whose) });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const options = [...new Set([...people.keys(), ...Object.values(owners).filter(Boolean)])].map((value) => ({ value, label: people.get(value) ?? 'Somebody who has left' }));
  const set = (kind: string, person: string | null) => setOwners({ ...owners, [kind]: person ?? '' });
  const named = data.kinds.filter((k) => k.kind in owners);
  const left = data.kinds.filter((k) => !(k.kind in owners));
  return (
    <Card title="Whose an alert is" about="Who looks after it when it comes up. Anybody may take it over on its card; where nobody is named it is the administrators'.">
      <Stack maw={560}>
        <Select label="Alerts of all kinds" placeholder="The administrators" data={options} value={owners[''] || null} onChange={(v) => set('', v)} clearable clearButtonProps={{ 'aria-label': 'The administrators' }} />
        {named.map((k) => (
          <Group key={k.kind} align="flex-end" wrap="nowrap" gap="xs">
            <Select style={{ flex: 1 }} label={k.title} placeholder="As for all kinds" data={options} value={owners[k.kind] || null} onChange={(v) => set(k.kind, v)} error={p?.about(`owners.${k.kind}`)} />
            <ActionIcon variant="default" size={36} aria-label={`As for all kinds: ${k.title}`} onClick={() => setOwners(Object.fromEntries(Object.entries(owners).filter(([kind]) => kind !== k.kind)))}><Icon name="close" size={16} /></ActionIcon>
          </Group>
        ))}
        {left.length > 0 && (
          <Select label="Another owner for one kind" placeholder="Choose a kind" data={left.map((k) => ({ value: k.kind, label: k.title }))} value={null} onChange={(v) => v && set(v, '')} searchable />
        )}
        {save.error != null && !p?.faults.length && <Failed error={save.error} />}
        <Group><Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>Save owners</Button></Group>
      </Stack>
    </Card>
  );
}

function Closed({ data, whose }: { data: Shape; whose: Whose }) {
  const client = useQueryClient();
  const [days, setDays] = useState(data.settings.closed_days);
  const save = useMutation({
    mutationFn: () => saveSettings(whose, { owners: data.settings.owners, closed_days: days }),
    onSuccess: () => {
      toast('Saved.');
      return client.invalidateQueries({ queryKey: keyOf(whose) });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  return (
    <Card title="When silence is meant" about="Days on which no source is expected to send anything: holidays, or when you are closed.">
      <Stack>
        <TagsInput label="Closed days" description="Such as 2026-12-25, then Enter" value={days} onChange={setDays} error={p?.about('closed_days')} maw={560} />
        {save.error != null && !p?.faults.length && <Failed error={save.error} />}
        <Group><Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>Save</Button></Group>
      </Stack>
    </Card>
  );
}
