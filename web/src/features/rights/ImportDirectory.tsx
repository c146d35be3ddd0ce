import { Alert, Badge, Button, Code, FileInput, Group, Modal, ScrollArea, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

type Report = components['schemas']['DirectoryReport'];

const states: Record<string, { label: string; color?: string }> = {
  add: { label: 'New', color: 'pine' },
  end: { label: 'Ends' },
  same: { label: 'Unchanged', color: 'gray' },
  fault: { label: 'Fault', color: 'red' },
};

/** ImportDirectory reads a CSV file: first what it would do, then all of it or nothing. */
export function ImportDirectory({ customer, onClose }: { customer: string; onClose: () => void }) {
  const client = useQueryClient();
  const [csv, setCSV] = useState('');
  const [country, setCountry] = useState('');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ask = (dry_run: boolean, text = csv) =>
    must(api.POST('/api/v1/customers/{customer}/directory/import', { params: { path: { customer } }, body: { csv: text, time_zone: zone, country: country.trim() || undefined, dry_run } }));
  const preview = useMutation({ mutationFn: (text: string) => ask(true, text) });
  const store = useMutation({
    mutationFn: () => ask(false),
    onSuccess: async (r) => {
      toast(`${r.add} added, ${r.end} ended, ${r.same} were there already.`);
      onClose();
      await Promise.all([client.invalidateQueries({ queryKey: here(customer, 'directory') }), client.invalidateQueries({ queryKey: here(customer, 'members') })]);
    },
  });
  const pick = async (f: File | null) => {
    store.reset();
    preview.reset();
    if (!f) return setCSV('');
    const bytes = await f.arrayBuffer();
    const text = new TextDecoder('utf-8').decode(bytes);
    setCSV(text);
    if (text) preview.mutate(text);
  };
  const r = preview.data;
  return (
    <Modal opened onClose={onClose} title="Import a directory" centered size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm" component="div">
          The first line names the columns: <Code>extension, name, email, team, from, to</Code>. Days such as 2026-11-30 are whole days in {zone}. Nothing is stored before you have seen what the file would do, and a file with a fault is not stored at all.
        </Text>
        <TextInput label="Country of numbers in national form" description="Two letters, such as GB; empty: none" maw={320} maxLength={2} value={country} onChange={(e) => setCountry(e.currentTarget.value.toUpperCase())} />
        <FileInput label="File" placeholder="Choose a CSV file" accept=".csv,text/csv" leftSection={<Icon name="into" size={16} />} onChange={(f) => void pick(f)} clearable clearButtonProps={{ 'aria-label': 'Choose no file' }} data-autofocus />
        {preview.isPending && <Text size="sm" role="status">Reading…</Text>}
        {preview.error != null && <Failed error={preview.error} />}
        {store.error != null && <Failed error={store.error} />}
        {r && <Preview report={r} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button disabled={!r || r.faulty > 0 || r.add + r.end === 0} loading={store.isPending} onClick={() => store.mutate()}>Store</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Preview({ report }: { report: Report }) {
  const { add, end, same, faulty } = report;
  return (
    <>
      <Alert color={faulty ? 'red' : 'pine'} variant="light" icon={<Icon name={faulty ? 'warn' : 'check'} />} role="status" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
        {faulty > 0
          ? `${faulty} ${faulty === 1 ? 'line has a fault' : 'lines have faults'}. Mend the file and choose it again; nothing has been stored.`
          : add + end === 0 ? 'Everything in this file is in the directory already.' : `${add} to add, ${end} to end, ${same} unchanged.`}
        {report.unknown_columns.length > 0 && ` Columns passed over: ${report.unknown_columns.join(', ')}.`}
      </Alert>
      <ScrollArea.Autosize mah={320} type="auto" viewportProps={{ tabIndex: 0, 'aria-label': 'Lines of the file' }}>
        <Table stickyHeader>
          <Table.Thead>
            <Table.Tr><Table.Th>Line</Table.Th><Table.Th>Extension</Table.Th><Table.Th>Whose</Table.Th><Table.Th>What becomes of it</Table.Th></Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.lines.map((l) => (
              <Table.Tr key={l.line}>
                <Table.Td className="num">{l.line}</Table.Td>
                <Table.Td className="num">{l.assignment.extension || '–'}</Table.Td>
                <Table.Td>{l.assignment.name || l.assignment.email || l.assignment.team || '–'}</Table.Td>
                <Table.Td>
                  <Badge color={states[l.state]?.color}>{states[l.state]?.label ?? l.state}</Badge>
                  {l.faults.map((f) => <Text key={f} size="xs" c="red.8" className="fault">{f}</Text>)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
    </>
  );
}
