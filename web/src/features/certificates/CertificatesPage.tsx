import { Badge, Button, Code, Group, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/me';
import { count, exact, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';
import { certificates, file, signNow, type Certificate } from './data';

const authorities: Record<string, string> = { person: 'A person’s decision', retention: 'Retention', erasure: 'A request for erasure', redaction: 'A redaction', departure: 'The customer left' };

/** CertificatesPage lists what is signed of each destruction: what became of every copy. */
export function CertificatesPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const client = useQueryClient();
  const may = useMay(customer);
  const [cursors, setCursors] = useState<string[]>([]);
  const query = useQuery(certificates(customer, cursors.at(-1)));
  const sign = useMutation({
    mutationFn: () => signNow(customer),
    onSuccess: () => client.invalidateQueries({ queryKey: ['at', customer, 'certificates'] }),
    onError: () => toast('It could not be signed just now.', 'bad'),
  });
  return (
    <Page wide title="Certificates" about="When recordings are destroyed, what became of every copy is stated and signed: keys, sound, words, backups, and what the telephone system keeps.">
      <Answered query={query}>
        {(data) => (
          <Card flush title="Destruction" about={data.waiting > 0 ? `${count(data.waiting, 'recording')} destroyed and not signed for yet: that happens by itself within minutes.` : undefined}
            actions={
              <Group gap="xs">
                {may('recording.destroy') && data.waiting > 0 && <Button variant="default" loading={sign.isPending} onClick={() => sign.mutate()}>Sign now</Button>}
                <Button component="a" href="/api/v1/document-certificate" download variant="default">Certificate of this installation</Button>
              </Group>
            }
          >
            {data.items.length === 0 ? <Empty icon="shield" title="Nothing was destroyed yet">The first certificate is signed minutes after recordings are destroyed, by retention or by somebody.</Empty> : <List customer={customer} items={data.items} />}
            {(data.next || cursors.length > 0) && (
              <Group p="md">
                {cursors.length > 0 && <Button variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>Newer ones</Button>}
                {data.next && <Button variant="default" onClick={() => setCursors([...cursors, data.next!])}>Older ones</Button>}
              </Group>
            )}
          </Card>
        )}
      </Answered>
      <Card title="Check one without asking us">
        <Text size="sm">Any reader of PDF shows the signature. On any machine with the program, without a network:</Text>
        <Code block mt="xs">ringfence certificate verify destruction-crt_….json --certificate ringfence-documents.pem</Code>
      </Card>
    </Page>
  );
}

/** remains says what a certificate leaves open. */
function remains(c: Certificate) {
  if (c.replaced_id) return { text: 'Replaced by a later one', colour: 'gray' };
  if (c.asked > 0) return { text: `${c.asked} wait for a collector’s answer`, colour: 'yellow' };
  if (c.unknown > 0) return { text: `${c.unknown} at the source unknown`, colour: 'yellow' };
  if (c.lasts_until && new Date(c.lasts_until) > new Date()) return { text: `In backups until ${moment(c.lasts_until)}`, colour: 'blue' };
  return { text: 'Nothing with us', colour: 'green' };
}

function List({ customer, items }: { customer: string; items: Certificate[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Signed</Table.Th><Table.Th>Recordings</Table.Th><Table.Th>By</Table.Th><Table.Th>What remains</Table.Th><Table.Th><span className="sr">Files</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((c) => (
            <Table.Tr key={c.id}>
              <Table.Td title={exact(c.signed_at)}>{moment(c.signed_at)}</Table.Td>
              <Table.Td className="num">{c.recordings}</Table.Td>
              <Table.Td>{authorities[c.by] ?? c.by}{c.corrects_id && <Text size="xs" c="dimmed">More is known than before</Text>}</Table.Td>
              <Table.Td><Badge variant="light" color={remains(c).colour}>{remains(c).text}</Badge></Table.Td>
              <Table.Td ta="right">
                <Group gap={6} justify="flex-end" wrap="nowrap">
                  <Button component="a" href={file(customer, c.id, true)} download size="compact-sm" variant="default" leftSection={<Icon name="download" size={14} />} aria-label={`Signed PDF of ${moment(c.signed_at)}`}>PDF</Button>
                  <Button component="a" href={file(customer, c.id, false)} download size="compact-sm" variant="default" aria-label={`Signed JSON of ${moment(c.signed_at)}`}>JSON</Button>
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
