import { Button, Group, Modal, NumberInput, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { tags, type Tag } from '../retention/data';

/** LabelsCard lists the labels that there are, and how many recordings carry each; who may set rules removes them. */
export function LabelsCard({ customer }: { customer: string }) {
  const may = useMay(customer)('retention.set');
  const all = useQuery(tags(customer)).data?.items ?? [];
  const [removing, setRemoving] = useState<Tag | null>(null);
  if (all.length === 0) return null;
  return (
    <Card flush title="Labels" about="Put on in a recording, or on several in the list. A label that a rule names cannot be removed.">
      <Table.ScrollContainer minWidth={320}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>Label</Table.Th><Table.Th>On</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {all.map((t) => (
              <Table.Tr key={t.id}>
                <Table.Td>{t.name}</Table.Td>
                <Table.Td className="num">{count(t.count, 'recording')}</Table.Td>
                <Table.Td ta="right">{may && <Button size="compact-sm" variant="default" onClick={() => setRemoving(t)} aria-label={`Remove the label ${t.name}`}>Remove…</Button>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {removing && <Remove customer={customer} tag={removing} onClose={() => setRemoving(null)} />}
    </Card>
  );
}

function Remove({ customer, tag, onClose }: { customer: string; tag: Tag; onClose: () => void }) {
  const client = useQueryClient();
  const [confirm, setConfirm] = useState<number | string>('');
  const remove = useMutation({
    mutationFn: () => must(api.DELETE('/api/v1/customers/{customer}/tags/{tag}', { params: { path: { customer, tag: tag.id }, query: { confirm: Number(confirm) || 0 } } })),
    onSuccess: () => {
      toast('The label is removed.');
      onClose();
      return client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Remove the label ${tag.name}?`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); remove.mutate(); }}>
        <Stack>
          <Text size="sm">{tag.count === 0 ? 'No recording carries it.' : `It is taken off ${count(tag.count, 'recording')}, and nothing remembers which these were.`}</Text>
          {tag.count > 0 && <NumberInput label={`Type ${tag.count} to confirm`} hideControls value={confirm} onChange={setConfirm} w={220} data-autofocus />}
          {remove.error != null && <Failed error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" color="red" loading={remove.isPending} disabled={tag.count > 0 && Number(confirm) !== tag.count}>Remove</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
