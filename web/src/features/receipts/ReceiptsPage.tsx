import { Badge, Button, Center, Checkbox, Group, Menu, Modal, Pill, Select, Stack, Switch, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback, useDisclosure } from '@mantine/hooks';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState } from 'react';
import { api } from '../../api/client';
import { problem } from '../../api/errors';
import { useMay } from '../../api/me';
import { DateRange } from '../recordings/DateRange';
import { exact, moment, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { asked, receipts, setSettings, settings, type PurposeSettings, type Receipt, type ReceiptSearch } from './data';

const route = getRouteApi('/in/c/$customer/receipts');

const ways = [
  { value: 'content', label: 'Sound, words, files' }, { value: 'listen', label: 'Listened' }, { value: 'transcript', label: 'Read the transcript' }, { value: 'download', label: 'Downloaded' },
  { value: 'export', label: 'Exported' }, { value: 'evidence', label: 'Made an evidence file' }, { value: 'original', label: 'Heard the original' }, { value: 'redact', label: 'Redacted' }, { value: 're-identify', label: 'Looked up a pseudonym' }, { value: 'transcribe', label: 'Transcribed' }, { value: 'card', label: 'Saw names and numbers' }, { value: 'capture-check', label: 'Read back after capture' },
];
const kinds = [{ value: 'person', label: 'People' }, { value: 'token', label: 'Programs with a token' }, { value: 'system', label: 'Ringfence itself' }];

/** ReceiptsPage shows every opening of what is sealed: each was written before its key was used. */
export function ReceiptsPage() {
  const { customer } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay(customer);
  const [open, { open: ask, close }] = useDisclosure(false);
  const set = (change: ReceiptSearch) => void navigate({ search: (s) => ({ ...s, ...change }), replace: true });
  const list = useInfiniteQuery(receipts(customer, search));
  return (
    <Page
      wide title="Receipts" about="Everybody who opened something: who, when, what for, from where, and by which support access. No key is used before its receipt is written."
      actions={
        <Group gap="xs">
          {may('purpose.set') && <Button variant="default" onClick={ask}>Purposes</Button>}
          {may('journal.export') && <Export customer={customer} search={search} />}
        </Group>
      }
    >
      <Filter search={search} set={set} />
      <div className="card">
        <Answered query={list}>
          {(data) => {
            const rows = data.pages.flatMap((p) => p.items);
            return rows.length === 0 ? <Empty icon="eye" title="No opening matches">Take a filter away to see more.</Empty> : <Rows rows={rows} customer={customer} set={set} />;
          }}
        </Answered>
      </div>
      {list.hasNextPage && (
        <Center py="md">
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Load more</Button>
        </Center>
      )}
      <Modal opened={open} onClose={close} title="Who has to say why" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
        {open && <Settings customer={customer} done={close} />}
      </Modal>
    </Page>
  );
}

function Filter({ search, set }: { search: ReceiptSearch; set: (change: ReceiptSearch) => void }) {
  const later = useDebouncedCallback((change: ReceiptSearch) => set(change), 350);
  return (
    <>
      <Group gap="xs" mb="sm" role="search" aria-label="Filter the receipts">
        <Select aria-label="How it was opened" placeholder="However opened" clearable w={190} data={ways} value={search.what ?? null} onChange={(what) => set({ what: what ?? undefined })} />
        <Select aria-label="Who opened it" placeholder="By anybody" clearable w={190} data={kinds} value={search.kind ?? null} onChange={(kind) => set({ kind: kind ?? undefined })} />
        <TextInput key={`s${search.subject ?? ''}`} aria-label="Id of a recording" placeholder="Id of a recording" w={210} defaultValue={search.subject} onChange={(e) => later({ subject: e.currentTarget.value.trim() || undefined })} />
        <TextInput key={`p${search.purpose ?? ''}`} aria-label="Words of the purpose" placeholder="Words of the purpose" w={190} defaultValue={search.purpose} onChange={(e) => later({ purpose: e.currentTarget.value.trim() || undefined })} />
        <DateRange value={search} set={set} />
        <Checkbox label="Without a purpose" checked={!!search.unstated} onChange={(e) => set({ unstated: e.currentTarget.checked ? 'yes' : undefined })} />
      </Group>
      {search.who && (
        <Group gap={6} mb="sm">
          <Pill withRemoveButton onRemove={() => set({ who: undefined })} removeButtonProps={{ 'aria-label': 'Remove filter: one person', tabIndex: 0, 'aria-hidden': false }}>Opened by {search.who}</Pill>
        </Group>
      )}
    </>
  );
}

function Rows({ rows, customer, set }: { rows: Receipt[]; customer: string; set: (change: ReceiptSearch) => void }) {
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table>
        <Table.Thead>
          <Table.Tr><Table.Th w={170}>When</Table.Th><Table.Th>Who</Table.Th><Table.Th>How</Table.Th><Table.Th>What</Table.Th><Table.Th>Why</Table.Th><Table.Th>From</Table.Th></Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((r) => (
            <Table.Tr key={r.position}>
              <Table.Td className="num" title={exact(r.at)}>{moment(r.at)}</Table.Td>
              <Table.Td>
                <button type="button" className="plain" title="Show only what they opened" onClick={() => set({ who: r.who.id || undefined })}>{r.who.name || words(r.who.kind)}</button>
                {r.support_id && (
                  <Text size="xs" c="dimmed"><button type="button" className="plain" onClick={() => set({ who: r.support_id ?? undefined })}>by support access</button></Text>
                )}
              </Table.Td>
              <Table.Td>{ways.find((w) => w.value === r.what)?.label ?? words(r.what)}</Table.Td>
              <Table.Td>
                {r.subject.startsWith('rec_') ? (
                  <LinkAnchor to="/c/$customer/recordings" params={{ customer }} search={{ open: r.subject } as never} size="sm">Recording</LinkAnchor>
                ) : words(r.subject.includes('_') ? 'call' : r.subject)}
                {r.keys > 1 && <Text span size="sm" c="dimmed"> · {r.keys}</Text>}
              </Table.Td>
              <Table.Td>{r.purpose || <Badge variant="light" color="gray">not stated</Badge>}</Table.Td>
              <Table.Td className="num">{r.unreadable ? 'does not open' : r.from || <Text span c="dimmed">within</Text>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Export({ customer, search }: { customer: string; search: ReceiptSearch }) {
  const [busy, setBusy] = useState(false);
  const save = async (format: 'csv' | 'jsonl', pseudonymised = false) => {
    setBusy(true);
    try {
      const { data, error, response } = await api.POST('/api/v1/customers/{customer}/receipts/exports', { params: { path: { customer } }, body: { format, pseudonymised, ...asked(search) }, parseAs: 'blob' });
      if (!response.ok) throw problem(response, error);
      const url = URL.createObjectURL(data as unknown as Blob);
      const link = document.createElement('a');
      link.href = url;
      link.download = `receipts-${dayjs().format('YYYY-MM-DD')}.${format}`;
      link.click();
      URL.revokeObjectURL(url);
      toast('The receipts are saved. That they were exported is a receipt, too.');
    } catch {
      toast('The export did not succeed. Try again, or choose fewer days.', 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target><Button variant="default" loading={busy} leftSection={<Icon name="download" size={16} />}>Export</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void save('csv')}>CSV, for a spreadsheet</Menu.Item>
        <Menu.Item onClick={() => void save('jsonl')}>JSON lines, for programs</Menu.Item>
        <Menu.Item onClick={() => void save('csv', true)}>CSV, with pseudonyms instead of names</Menu.Item>
        <Menu.Item onClick={() => void save('jsonl', true)}>JSON lines, with pseudonyms instead of names</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const roles = [
  { value: 'superuser', label: 'SuperUser' }, { value: 'supervisor', label: 'Supervisor' }, { value: 'user', label: 'User' },
  { value: 'agent', label: 'Agent' }, { value: 'customer_admin', label: 'Administrator' }, { value: 'auditor', label: 'Auditor' },
];

function Settings({ customer, done }: { customer: string; done: () => void }) {
  const query = useQuery(settings(customer));
  return <Answered query={query} rows={4}>{(now) => <SettingsForm customer={customer} now={now} done={done} />}</Answered>;
}

function SettingsForm({ customer, now, done }: { customer: string; now: PurposeSettings; done: () => void }) {
  const client = useQueryClient();
  const [value, setValue] = useState(now);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    setBusy(true);
    try {
      await setSettings(customer, value);
      await client.invalidateQueries({ queryKey: ['at', customer, 'purposes'] });
      toast('From the next opening on.');
      done();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack>
      <Checkbox.Group label="Whoever holds one of these roles" value={value.roles} onChange={(list) => setValue({ ...value, roles: list })}>
        <Group mt="xs">{roles.map((r) => <Checkbox key={r.value} value={r.value} label={r.label} />)}</Group>
      </Checkbox.Group>
      <Switch label="Whoever is here by support access" checked={value.support} onChange={(e) => setValue({ ...value, support: e.currentTarget.checked })} />
      <TagsInput label="Purposes to choose from" value={value.ready} onChange={(ready) => setValue({ ...value, ready })} maxTags={30} />
      <Switch label="People may write a purpose of their own" checked={value.free} onChange={(e) => setValue({ ...value, free: e.currentTarget.checked })} />
      <Switch label="The portal remembers a purpose until its page is closed" checked={value.remember} onChange={(e) => setValue({ ...value, remember: e.currentTarget.checked })} />
      {error !== null && <Failed error={error} />}
      <Group justify="flex-end"><Button variant="default" onClick={done}>Cancel</Button><Button loading={busy} onClick={() => void save()}>Save</Button></Group>
    </Stack>
  );
}
