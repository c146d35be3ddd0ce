import { Button, Center, Group, Menu, Pill, Select, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { Fragment, useState } from 'react';
import { api, here, must } from '../../api/client';
import { problem } from '../../api/errors';
import { useMay } from '../../api/me';
import type { Event } from '../../api/types';
import { DateRange } from '../recordings/DateRange';
import type { LogSearch } from '../../router';
import { exact, moment, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';

const route = getRouteApi('/in/c/$customer/log');

const kinds = [
  { value: 'recording.', label: 'Recordings' },
  { value: 'session.', label: 'Sign-ins' },
  { value: 'member.', label: 'Members and roles' },
  { value: 'source.', label: 'Sources' },
  { value: 'retention.', label: 'Retention' },
  { value: 'speech.', label: 'Speech engine' },
  { value: 'token.', label: 'API tokens' },
  { value: 'device.', label: 'Collectors' },
];

/** asked is the filter as the API takes it; whole days, as on the recordings page. */
function asked(s: LogSearch) {
  return {
    code: s.code,
    actor: s.actor,
    subject: s.subject,
    from: s.from ? dayjs(s.from).startOf('day').toISOString() : undefined,
    to: s.to ? dayjs(s.to).add(1, 'day').startOf('day').toISOString() : undefined,
  };
}

export function JournalPage() {
  const { customer } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const may = useMay(customer);
  const set = (change: LogSearch) => void navigate({ search: (s) => ({ ...s, ...change }), replace: true });
  const filters = asked(search);
  const events = useInfiniteQuery({
    queryKey: here(customer, 'events', filters),
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/customers/{customer}/events', { params: { path: { customer }, query: { ...filters, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });
  return (
    <Page
      wide title="Change log" about="Who did what, when, to what and why. No page and no role can change a line. Opening a recording stands here before its key is used."
      actions={may('journal.export') && <Export customer={customer} search={search} />}
    >
      <Filter search={search} set={set} />
      <div className="card">
        <Answered query={events}>
          {(data) => {
            const rows = data.pages.flatMap((p) => p.items);
            return rows.length === 0 ? <Empty icon="history" title="No event matches">Take a filter away to see more.</Empty> : <Lines rows={rows} set={set} />;
          }}
        </Answered>
      </div>
      {events.hasNextPage && (
        <Center py="md">
          <Button variant="default" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>Load more</Button>
        </Center>
      )}
    </Page>
  );
}

function Filter({ search, set }: { search: LogSearch; set: (change: LogSearch) => void }) {
  const later = useDebouncedCallback((subject: string) => set({ subject: subject.trim() || undefined }), 350);
  const pills: [string, LogSearch][] = [];
  if (search.actor) pills.push([`Done by ${search.actor}`, { actor: undefined }]);
  if (search.code && !kinds.some((k) => k.value === search.code)) pills.push([words(search.code), { code: undefined }]);
  return (
    <>
      <Group gap="xs" mb="sm" role="search" aria-label="Filter the change log">
        <Select aria-label="Kind" placeholder="All kinds" clearable w={190} data={kinds} value={kinds.some((k) => k.value === search.code) ? search.code : null} onChange={(code) => set({ code: code ?? undefined })} />
        <TextInput key={search.subject ?? ''} aria-label="Id of the thing" placeholder="Id of a recording, person, source…" w={270} defaultValue={search.subject} onChange={(e) => later(e.currentTarget.value)} />
        <DateRange value={search} set={set} />
      </Group>
      {pills.length > 0 && (
        <Group gap={6} mb="sm">
          {pills.map(([text, off]) => (
            <Pill key={text} withRemoveButton onRemove={() => set(off)} removeButtonProps={{ 'aria-label': `Remove filter: ${text}`, tabIndex: 0, 'aria-hidden': false }}>{text}</Pill>
          ))}
        </Group>
      )}
    </>
  );
}

function Lines({ rows, set }: { rows: Event[]; set: (change: LogSearch) => void }) {
  const [shown, setShown] = useState<string | null>(null);
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={190}>When</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((e) => (
            <Fragment key={e.id}>
              <Table.Tr>
                <Table.Td className="num">
                  <button type="button" className="plain" aria-expanded={shown === e.id} title={exact(e.at)} onClick={() => setShown((s) => (s === e.id ? null : e.id))}>
                    <Group gap={6} wrap="nowrap">
                      <Icon name={shown === e.id ? 'down' : 'right'} size={14} />
                      {moment(e.at)}
                    </Group>
                  </button>
                </Table.Td>
                <Table.Td>
                  {words(e.code)}
                  {e.facts.what && `: ${words(e.facts.what).toLowerCase()}`}
                </Table.Td>
                <Table.Td>
                  <button type="button" className="plain" title="Show only what they did" onClick={() => set({ actor: e.actor.id || undefined })}>
                    {e.actor.name || words(e.actor.kind)}
                  </button>
                  {e.on_behalf && <Text size="xs" c="dimmed">for {e.on_behalf}</Text>}
                </Table.Td>
                <Table.Td>{e.why || <Text span c="dimmed">–</Text>}</Table.Td>
              </Table.Tr>
              {shown === e.id && (
                <Table.Tr>
                  <Table.Td colSpan={4} style={{ background: 'var(--rf-page)' }}>
                    <Facts event={e} set={set} />
                  </Table.Td>
                </Table.Tr>
              )}
            </Fragment>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Facts({ event: e, set }: { event: Event; set: (change: LogSearch) => void }) {
  const lines = [...Object.entries(e.facts), ...Object.entries(e.personal)];
  return (
    <dl style={{ display: 'grid', gridTemplateColumns: 'minmax(110px, 180px) 1fr', gap: '4px 16px', margin: '4px 0 4px 20px' }}>
      <Fact name="Event" value={`${e.code} · position ${e.position}`} />
      <Fact name="Time" value={exact(e.at)} />
      {e.subject && (
        <Fact name="About" value={e.subject}>
          <Button variant="subtle" size="compact-xs" onClick={() => set({ subject: e.subject, code: undefined, actor: undefined })}>Only this</Button>
        </Fact>
      )}
      <Fact name={words(e.actor.kind)} value={e.actor.id || '–'} />
      {lines.map(([k, v]) => (
        <Fact key={k} name={words(k)} value={v} />
      ))}
    </dl>
  );
}

function Fact({ name, value, children }: { name: string; value: string; children?: React.ReactNode }) {
  return (
    <>
      <Text component="dt" size="sm" c="dimmed">{name}</Text>
      <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>{value} {children}</Text>
    </>
  );
}

function Export({ customer, search }: { customer: string; search: LogSearch }) {
  const [busy, setBusy] = useState(false);
  const save = async (format: 'csv' | 'jsonl') => {
    setBusy(true);
    try {
      const { data, error, response } = await api.POST('/api/v1/customers/{customer}/events/exports', {
        params: { path: { customer } }, body: { format, ...asked(search) }, parseAs: 'blob',
      });
      if (!response.ok) throw problem(response, error);
      const url = URL.createObjectURL(data as unknown as Blob);
      const link = document.createElement('a');
      link.href = url;
      link.download = `change-log-${dayjs().format('YYYY-MM-DD')}.${format}`;
      link.click();
      URL.revokeObjectURL(url);
      toast('The change log is saved. That it was exported stands in it, too.');
    } catch {
      toast('The export did not succeed. Try again, or choose fewer days.', 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" loading={busy} leftSection={<Icon name="download" size={16} />}>Export</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void save('csv')}>CSV, for a spreadsheet</Menu.Item>
        <Menu.Item onClick={() => void save('jsonl')}>JSON lines, for programs</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
