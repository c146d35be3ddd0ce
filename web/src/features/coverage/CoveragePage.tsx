import { Badge, Button, Group, Modal, Select, Stack, Table, Text, Tooltip } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { clock, count, date, exact, moment, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { sources } from '../settings/queries';
import { calls, excuseCall, file, overview, share, statements, sumOf, type Call, type CallFilter, type Day, type Overview, type Statement } from './data';
import { Rules } from './Rules';

/** CoveragePage answers whether everything that should have been recorded was. */
export function CoveragePage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(overview(customer));
  const from = useQuery({ ...sources(customer), enabled: useMay(customer)('source.manage') }).data?.items ?? [];
  const name = (id: string) => from.find((s) => s.id === id)?.name ?? 'Source';
  return (
    <Page wide title="Coverage" about="Each call that a log names must end as captured, excused by a rule, missing, or erased. What is missing is told within the hour.">
      <Answered query={query}>
        {(data) => (
          <>
            <Days data={data} />
            <Calls customer={customer} name={name} sources={from} />
            <Gaps data={data} name={name} />
          </>
        )}
      </Answered>
      <Signed customer={customer} />
      <Rules customer={customer} sources={from} />
    </Page>
  );
}

type Sum = { day: string; named: number; captured: number; excused: number; missing: number; erased: number; unnamed: number; waiting: number };

/** byDay adds the sources up. */
function byDay(days: Day[]): Sum[] {
  const out = new Map<string, Sum>();
  for (const d of days) {
    const s = out.get(d.day) ?? { day: d.day, named: 0, captured: 0, excused: 0, missing: 0, erased: 0, unnamed: 0, waiting: 0 };
    for (const k of ['named', 'captured', 'excused', 'missing', 'erased', 'unnamed', 'waiting'] as const) s[k] += d.counts[k];
    out.set(d.day, s);
  }
  return [...out.values()];
}

const rate = (s: Sum) => {
  const should = s.captured + s.erased + s.missing;
  return should === 0 ? 1 : (s.captured + s.erased) / should;
};

const said = (s: Sum) => `${date(s.day)}: ${count(s.named, 'call')} named, ${s.captured} captured, ${s.excused} excused, ${s.missing} missing, ${s.erased} erased, ${s.waiting} on their way, ${count(s.unnamed, 'recording')} not named`;

/** Days is a strip of days: full where everything is there, and marked where something is not. */
function Days({ data }: { data: Overview }) {
  const days = byDay(data.days);
  if (days.length === 0) {
    return <Card><Empty icon="phone" title="No log has named a call yet">Give a source its telephone system's logs, and each call that they name is expected here.</Empty></Card>;
  }
  const total = sumOf(data);
  return (
    <Card title={total.should === 0 ? 'Nothing was expected' : `${share(total)} of what should be there is`} about={`${count(total.missing, 'call')} missing and ${count(total.unnamed, 'recording')} that no log names, in the last ${days.length} days.`}>
      <ul style={{ display: 'flex', gap: 3, alignItems: 'flex-end', overflowX: 'auto', padding: 0, margin: 0, listStyle: 'none' }} aria-label="Days">
        {days.map((d) => (
          <li key={d.day} style={{ flex: '1 0 14px', maxWidth: 28 }}>
            <Tooltip label={said(d)} multiline maw={320}>
              <div tabIndex={0} role="img" aria-label={said(d)} style={{ height: 72, display: 'flex', flexDirection: 'column', justifyContent: 'flex-end', borderRadius: 4, overflow: 'hidden', background: 'var(--rf-line)' }}>
                {d.missing + d.unnamed > 0 && <div style={{ height: 10, background: 'var(--mantine-color-red-6)' }} />}
                <div style={{ height: `${Math.max(4, 100 * rate(d))}%`, background: 'var(--rf-accent)', opacity: d.named === 0 ? 0.25 : 1 }} />
              </div>
            </Tooltip>
          </li>
        ))}
      </ul>
      <Group justify="space-between" mt={6} maw={Math.max(180, days.length * 31)}>
        <Text size="xs" c="dimmed">{date(days[0]!.day)}</Text>
        <Text size="xs" c="dimmed">{date(days.at(-1)!.day)}</Text>
      </Group>
    </Card>
  );
}

const stateNames: Record<Call['state'], string> = { missing: 'Missing', unnamed: 'Not named by a log', waiting: 'On its way', excused: 'Excused', erased: 'Erased', captured: 'Captured' };

function Calls({ customer, name, sources: from }: { customer: string; name: (id: string) => string; sources: { id: string; name: string }[] }) {
  const client = useQueryClient();
  const may = useMay(customer);
  const [filter, setFilter] = useState<CallFilter>({});
  const [shown, setShown] = useState<Call | null>(null);
  const [excusing, setExcusing] = useState<Call | null>(null);
  const query = useQuery(calls(customer, filter));
  return (
    <Card flush title="Discrepancies" actions={
      <Group gap="xs">
        <Select aria-label="State" w={190} data={[{ value: '', label: 'Missing or not named' }, ...Object.entries(stateNames).map(([value, label]) => ({ value, label }))]} value={filter.state ?? ''} allowDeselect={false}
          onChange={(v) => setFilter({ source: filter.source, state: (v || undefined) as CallFilter['state'] })} />
        {from.length > 1 && <Select aria-label="Source" w={190} data={[{ value: '', label: 'All sources' }, ...from.map((s) => ({ value: s.id, label: s.name }))]} value={filter.source ?? ''} allowDeselect={false} onChange={(v) => setFilter({ state: filter.state, source: v || undefined })} />}
      </Group>
    }>
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? <Empty icon="check" title="Nothing to see here">{filter.state ? 'No call is in this state, or it has become a figure since.' : 'Every call that a log names is accounted for.'}</Empty> : (
            <>
              <Table.ScrollContainer minWidth={820}>
                <Table>
                  <Table.Thead><Table.Tr><Table.Th>Began</Table.Th><Table.Th>Source</Table.Th><Table.Th>Who</Table.Th><Table.Th>Talk</Table.Th><Table.Th>State</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>
                    {data.items.map((c) => (
                      <Table.Tr key={c.id}>
                        <Table.Td title={exact(c.started_at)}>{moment(c.started_at)}</Table.Td>
                        <Table.Td>{name(c.source_id)}</Table.Td>
                        <Table.Td>{who(c)}</Table.Td>
                        <Table.Td className="num">{clock(c.talk_seconds)}</Table.Td>
                        <Table.Td><Badge color={c.state === 'missing' || c.state === 'unnamed' ? 'red' : 'gray'} variant="light">{stateNames[c.state]}</Badge></Table.Td>
                        <Table.Td ta="right">
                          <Group gap={6} justify="flex-end" wrap="nowrap">
                            <Button size="compact-sm" variant="default" onClick={() => setShown(c)} aria-label={`Story of the call at ${moment(c.started_at)}`}>Story</Button>
                            {may('source.manage') && c.state === 'missing' && <Button size="compact-sm" variant="default" onClick={() => setExcusing(c)} aria-label={`Excuse the call at ${moment(c.started_at)}`}>Excuse</Button>}
                          </Group>
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {data.next && <Group p="md"><Button variant="default" onClick={() => setFilter({ ...filter, cursor: data.next! })}>Older ones</Button></Group>}
            </>
          )
        }
      </Answered>
      {shown && <Story call={shown} name={name} customer={customer} onClose={() => setShown(null)} />}
      <Confirm title="Excuse this call?" act="Excuse" reason="Why it needs no recording" opened={excusing !== null} onClose={() => setExcusing(null)} onConfirm={async (why) => {
        await excuseCall(customer, excusing!.id, why);
        await client.invalidateQueries({ queryKey: ['at', customer, 'coverage'] });
      }}>
        It counts as excused from now on. The reason stands in the change log and in the signed statements.
      </Confirm>
    </Card>
  );
}

const who = (c: Call) => [c.caller || (c.extensions.length ? c.extensions.join(', ') : ''), c.dialled].filter(Boolean).join(' → ') || '–';

/** Story is what is known of one call. */
function Story({ call: c, name, customer, onClose }: { call: Call; name: (id: string) => string; customer: string; onClose: () => void }) {
  const facts: [string, string][] = [
    ['Source', name(c.source_id)], ['Began', exact(c.started_at)], ['Ended', exact(c.ended_at)], ['Direction', words(c.direction) || '–'], ['Outcome', words(c.disposition) || '–'], ['Who', who(c)],
    ['Extensions', c.extensions.join(', ') || '–'], ['Queue', c.queue || '–'],
    ['Named by a log', c.named ? 'Yes' : 'No: only its file tells of it'], ['Missing from', exact(c.due_at)], ['State', `${stateNames[c.state]}, since ${moment(c.changed_at)}`],
  ];
  if (c.why) facts.push(['Why', c.why]);
  if (c.captured_by) facts.push(['Captured by', `${name(c.captured_by)}, which has the same call`]);
  return (
    <Modal opened onClose={onClose} title="The story of a call" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Table>
          <Table.Tbody>{facts.map(([k, v]) => <Table.Tr key={k}><Table.Th scope="row">{k}</Table.Th><Table.Td>{v}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
        {c.state === 'missing' && <Text size="sm">Look on the telephone system whether its recording is still there. Put into the source's folder, it is taken in and this call becomes captured by itself.</Text>}
        {c.recording_id && <LinkAnchor to="/c/$customer/recordings" params={{ customer }} search={{ open: c.recording_id } as never}>Open the recording</LinkAnchor>}
      </Stack>
    </Modal>
  );
}

const gapNames: Record<string, string> = { unreadable: 'Lines that could not be read', rotation: 'Taken away before it was read', silence: 'No line for long', sequence: 'Numbers left out' };

function Gaps({ data, name }: { data: Overview; name: (id: string) => string }) {
  if (data.gaps.length === 0) return null;
  return (
    <Card flush title="Gaps of the logs" about="What a log did not say cannot be expected.">
      <Table.ScrollContainer minWidth={560}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>Day</Table.Th><Table.Th>Source</Table.Th><Table.Th>What</Table.Th><Table.Th>How many</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {data.gaps.slice(-50).map((g, i) => (
              <Table.Tr key={i}><Table.Td>{date(g.day)}</Table.Td><Table.Td>{name(g.source_id)}</Table.Td><Table.Td>{gapNames[g.kind] ?? words(g.kind)}{g.log && ` (${g.log})`}</Table.Td><Table.Td className="num">{g.n}</Table.Td></Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

const kindNames: Record<Statement['kind'], string> = { provisional: 'Provisional', final: 'Final', correction: 'Correction' };

function Signed({ customer }: { customer: string }) {
  const query = useQuery(statements(customer));
  return (
    <Card flush title="Signed statements" about="Each day as soon as it is over, and 48 hours later for good. A later change is stated as a correction."
      actions={<Button component="a" href="/api/v1/document-certificate" download variant="default">Certificate</Button>}
    >
      <Answered query={query} rows={3}>
        {(data) =>
          data.items.length === 0 ? <Empty icon="clock" title="No statement yet">The first one is signed when a day with calls is over.</Empty> : (
            <Table.ScrollContainer minWidth={720}>
              <Table>
                <Table.Thead><Table.Tr><Table.Th>Day</Table.Th><Table.Th>Kind</Table.Th><Table.Th>Named</Table.Th><Table.Th>Captured</Table.Th><Table.Th>Excused</Table.Th><Table.Th>Missing</Table.Th><Table.Th>Not named</Table.Th><Table.Th><span className="sr">Files</span></Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {data.items.map((s) => (
                    <Table.Tr key={s.id}>
                      <Table.Td fw={550}>{date(s.day)}</Table.Td>
                      <Table.Td title={`Signed ${exact(s.signed_at)}`}>{kindNames[s.kind]}</Table.Td>
                      <Table.Td className="num">{s.counts.named}</Table.Td>
                      <Table.Td className="num" title={s.counts.captured_elsewhere ? `${s.counts.captured_elsewhere} of them by another source` : undefined}>{s.counts.captured}</Table.Td>
                      <Table.Td className="num">{s.counts.excused}</Table.Td>
                      <Table.Td className="num">{s.counts.missing}</Table.Td>
                      <Table.Td className="num">{s.counts.unnamed}</Table.Td>
                      <Table.Td ta="right">
                        <Group gap={6} justify="flex-end" wrap="nowrap">
                          <Button component="a" href={file(customer, s.id, true)} download size="compact-sm" variant="default" leftSection={<Icon name="download" size={14} />} aria-label={`Signed PDF of ${date(s.day)}`}>PDF</Button>
                          <Button component="a" href={file(customer, s.id, false)} download size="compact-sm" variant="default" aria-label={`Signed JSON of ${date(s.day)}`}>JSON</Button>
                        </Group>
                      </Table.Td>
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
