import { Button, FileInput, Group, Stack, Table, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Failed } from '../../ui/States';

type Report = components['schemas']['LeaversReport'];

/** LeaversPage takes people out, all or nobody, after showing what they reach. */
export function LeaversPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const [csv, setCsv] = useState('');
  const [reason, setReason] = useState('');
  const [sure, setSure] = useState(false);
  const ask = (dry_run: boolean) => must(api.POST('/api/v1/customers/{customer}/leavers', { params: { path: { customer } }, body: { csv, reason, dry_run } }));
  const look = useMutation({ mutationFn: () => ask(true) });
  const [done, setDone] = useState<Report | null>(null);
  const change = (text: string) => {
    setCsv(text);
    setDone(null);
    look.reset();
  };
  const problem = look.error instanceof Problem && look.error.faults.length > 0 ? look.error : null;
  const report = done ?? look.data;
  return (
    <Page wide title="Leavers" about="Take people out, all or nobody. First see what they reach; afterwards keep the report that it is over.">
      <Card title="Who leaves">
        <Stack>
          <FileInput label="File" description="CSV with a column email" accept=".csv,text/csv,text/plain" placeholder="Choose a file" clearable clearButtonProps={{ 'aria-label': 'Another file' }} onChange={(f) => void f?.text().then(change)} maw={420} />
          <Textarea label="Or addresses" description="One on each line" value={csv} onChange={(e) => change(e.currentTarget.value)} autosize minRows={4} maxRows={12} maw={560} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
          <TextInput label="Reason" description="For the change log" value={reason} onChange={(e) => setReason(e.currentTarget.value)} maxLength={500} maw={560} />
          {problem && (
            <div role="alert">
              <Text size="sm" c="red" fw={550}>Nothing was done:</Text>
              <ul>{problem.faults.map((f, i) => <li key={i}><Text size="sm">{line(csv, f.location)}{f.message}</Text></li>)}</ul>
            </div>
          )}
          {look.error != null && !problem && <Failed error={look.error} />}
          <Group><Button variant={look.data ? 'default' : 'filled'} loading={look.isPending} disabled={csv.trim() === ''} onClick={() => look.mutate()}>Show what they reach</Button></Group>
        </Stack>
      </Card>
      {report && (
        <Card flush title={done ? `${count(done.items.length, 'person', 'people')} out, in ${(done.took_ms / 1000).toFixed(1)} seconds` : 'What they reach'} actions={
          <Group gap="sm">
            <Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={() => save(report)}>Report</Button>
            {!done && <Button color="red" onClick={() => setSure(true)}>Take {count(report.items.length, 'person', 'people')} out</Button>}
          </Group>
        }>
          <Reached report={report} />
        </Card>
      )}
      <Confirm title={`Take ${count(report?.items.length ?? 0, 'person', 'people')} out?`} act="Take out" opened={sure} onClose={() => setSure(false)} onConfirm={async () => setDone(await ask(false))}>
        Their roles and tokens end with the next request, live connections within a second.
      </Confirm>
    </Page>
  );
}

function Reached({ report }: { report: Report }) {
  return (
    <Table.ScrollContainer minWidth={820}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Who</Table.Th><Table.Th>Roles</Table.Th><Table.Th>Extensions</Table.Th><Table.Th>Recordings in reach</Table.Th><Table.Th>Tokens</Table.Th><Table.Th>Last used</Table.Th><Table.Th>Out since</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {report.items.map((l) => (
            <Table.Tr key={l.person_id}>
              <Table.Td><Text size="sm" fw={550}>{l.name}</Text><Text size="xs" c="dimmed">{l.email}</Text></Table.Td>
              <Table.Td>{l.roles.map(roleName).join(', ')}</Table.Td>
              <Table.Td className="num">{l.extensions.join(', ') || '–'}</Table.Td>
              <Table.Td className="num">{l.recordings_in_reach ?? '–'}</Table.Td>
              <Table.Td className="num">{l.tokens}</Table.Td>
              <Table.Td>{ago(l.last_used_at)}</Table.Td>
              <Table.Td>{l.left_at ? moment(l.left_at) : '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** line names the address that a fault is about, from "body.emails[3]". */
function line(csv: string, location = ''): string {
  const i = /\[(\d+)\]/.exec(location)?.[1];
  const rows = csv.split(/\r?\n/).filter((r) => r.trim() !== '');
  const first = /e-?mail|username/i.test(rows[0] ?? '') && !(rows[0] ?? '').includes('@') ? 1 : 0;
  const row = i === undefined ? undefined : rows[Number(i) + first];
  return row ? `${row}: ` : '';
}

/** save keeps the report as a file. */
function save(report: Report) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = `leavers-${report.at.slice(0, 10)}${report.done ? '' : '-preview'}.json`;
  a.click();
  URL.revokeObjectURL(url);
}
