import { Badge, Button, Group, Modal, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMay } from '../../api/me';
import type { components } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { ImportDirectory } from './ImportDirectory';
import { directory } from './queries';

type Assignment = components['schemas']['Assignment'];

const day = (t: string | null | undefined, none: string) => (t ? new Date(t).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }) : none);

/** DirectoryPage says whose an extension is and was: by it, people reach their calls and no others'. */
export function DirectoryPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer)('directory.manage');
  const [text, setText] = useState('');
  const [asked] = useDebouncedValue(text, 250);
  const [current, setCurrent] = useState(false);
  const [cursor, setCursor] = useState<string>();
  const [open, setOpen] = useState<'add' | 'import' | null>(null);
  const query = useQuery(directory(customer, { text: asked || undefined, current: current || undefined, cursor }));
  return (
    <Page
      title="Directory" about="Whose an extension is, and since when. People reach the calls of an extension while it was theirs: when it goes to somebody new, earlier calls stay with who had it before."
      actions={may && (
        <Group gap="xs">
          <Button variant="default" leftSection={<Icon name="into" size={16} />} onClick={() => setOpen('import')}>Import a file</Button>
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setOpen('add')}>Assign an extension</Button>
        </Group>
      )}
    >
      <Group mb="sm" gap="md">
        <TextInput
          aria-label="Find in the directory" placeholder="Extension, name, address or team" leftSection={<Icon name="search" size={16} />} style={{ flex: '1 1 240px' }} maw={420}
          value={text} onChange={(e) => { setText(e.currentTarget.value); setCursor(undefined); }}
        />
        <Switch label="Only what holds now" checked={current} onChange={(e) => { setCurrent(e.currentTarget.checked); setCursor(undefined); }} />
      </Group>
      <div className="card">
        <Answered query={query}>
          {(data) => (data.items.length === 0
            ? <Empty icon="phone" title={asked || current ? 'Nothing fits' : 'No extension is assigned yet'}>{!asked && 'Assign extensions one by one, or import the list that your telephone system exports.'}</Empty>
            : <Lines items={data.items} customer={customer} may={may} />)}
        </Answered>
      </div>
      {(cursor || query.data?.next_cursor) && (
        <Group mt="sm" justify="flex-end">
          {cursor && <Button variant="default" onClick={() => setCursor(undefined)}>First page</Button>}
          {query.data?.next_cursor && <Button variant="default" onClick={() => setCursor(query.data.next_cursor)}>Next page</Button>}
        </Group>
      )}
      {open === 'add' && <Assign customer={customer} teams={query.data?.teams ?? []} onClose={() => setOpen(null)} />}
      {open === 'import' && <ImportDirectory customer={customer} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function Lines({ items, customer, may }: { items: Assignment[]; customer: string; may: boolean }) {
  const client = useQueryClient();
  const [ask, setAsk] = useState<{ what: 'end' | 'withdraw'; of: Assignment } | null>(null);
  const done = (text: string) => {
    toast(text);
    return Promise.all([client.invalidateQueries({ queryKey: here(customer, 'directory') }), client.invalidateQueries({ queryKey: here(customer, 'members') })]);
  };
  const act = async () => {
    const path = { customer, assignment: ask!.of.id };
    if (ask!.what === 'end') {
      await must(api.POST('/api/v1/customers/{customer}/directory/{assignment}/end', { params: { path }, body: {} }));
      return done('Ended. The calls until now stay theirs.');
    }
    await must(api.DELETE('/api/v1/customers/{customer}/directory/{assignment}', { params: { path } }));
    return done('Withdrawn.');
  };
  const who = (a: Assignment) => a.name || a.email || a.team;
  return (
    <>
      <Table.ScrollContainer minWidth={720}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Extension</Table.Th>
              <Table.Th>Whose</Table.Th>
              <Table.Th>Team</Table.Th>
              <Table.Th>From</Table.Th>
              <Table.Th>To</Table.Th>
              {may && <Table.Th><span className="sr">Change</span></Table.Th>}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((a) => (
              <Table.Tr key={a.id}>
                <Table.Td className="num">{a.extension}</Table.Td>
                <Table.Td>
                  <Group gap="xs">
                    <Text size="sm">{a.name || a.email || '–'}</Text>
                    {a.person_id && <Badge>Member</Badge>}
                  </Group>
                  {a.name && a.email && <Text size="xs" c="dimmed">{a.email}</Text>}
                </Table.Td>
                <Table.Td>{a.team || '–'}</Table.Td>
                <Table.Td>{day(a.from, 'always')}</Table.Td>
                <Table.Td>{a.current && !a.to ? 'now' : day(a.to, '–')}</Table.Td>
                {may && (
                  <Table.Td>
                    <Group gap={6} justify="flex-end" wrap="nowrap">
                      {a.current && <Button size="compact-sm" variant="default" aria-label={`End ${a.extension}, ${who(a)}`} onClick={() => setAsk({ what: 'end', of: a })}>End</Button>}
                      <Button size="compact-sm" variant="default" aria-label={`Withdraw ${a.extension}, ${who(a)}`} onClick={() => setAsk({ what: 'withdraw', of: a })}>Withdraw</Button>
                    </Group>
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm
        title={ask?.what === 'end' ? `End ${ask.of.extension} for ${who(ask.of)}?` : `Withdraw ${ask?.of.extension}?`} act={ask?.what === 'end' ? 'End now' : 'Withdraw'}
        opened={ask !== null} onClose={() => setAsk(null)} onConfirm={act}
      >
        {ask?.what === 'end'
          ? 'From now on its calls are no longer theirs. The calls until now stay within their reach.'
          : 'For an assignment that was never true: nobody reaches any call by it any more, also none from the past.'}
      </Confirm>
    </>
  );
}

function Assign({ customer, teams, onClose }: { customer: string; teams: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ extension: '', name: '', email: '', team: '', from: '', to: '' });
  const set = (key: keyof typeof form) => (e: { currentTarget: { value: string } }) => setForm({ ...form, [key]: e.currentTarget.value });
  const save = useMutation({
    mutationFn: () => {
      const at = (d: string, days: number) => {
        if (!d) return undefined;
        const t = new Date(`${d}T00:00:00`);
        t.setDate(t.getDate() + days);
        return t.toISOString();
      };
      const { extension, name, email, team } = form;
      return must(api.POST('/api/v1/customers/{customer}/directory', { params: { path: { customer } }, body: {
        extension, name: name || undefined, email: email.trim() || undefined, team: team || undefined, from: at(form.from, 0), to: at(form.to, 1),
      } }));
    },
    onSuccess: async () => {
      toast('Assigned.');
      onClose();
      await Promise.all([client.invalidateQueries({ queryKey: here(customer, 'directory') }), client.invalidateQueries({ queryKey: here(customer, 'members') })]);
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Assign an extension" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Extension" description="As the telephone system writes it" required data-autofocus value={form.extension} onChange={set('extension')} error={p?.about('extension')} />
          <TextInput label="Name" value={form.name} onChange={set('name')} error={p?.about('name')} />
          <TextInput label="E-mail" type="email" description="Whoever is or becomes a member with it has this extension" value={form.email} onChange={set('email')} error={p?.about('email')} />
          <TextInput label="Team" list="rf-teams" value={form.team} onChange={set('team')} error={p?.about('team')} />
          <datalist id="rf-teams">{teams.map((t) => <option key={t} value={t} />)}</datalist>
          <Group grow>
            <TextInput label="First day" type="date" description="Empty: always" value={form.from} onChange={set('from')} error={p?.about('from')} />
            <TextInput label="Last day" type="date" description="Empty: until it is ended" value={form.to} onChange={set('to')} error={p?.about('to')} />
          </Group>
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Assign</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
