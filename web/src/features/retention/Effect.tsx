import { Alert, Button, Group, List, Modal, NumberInput, Stack, Table, Text, Textarea } from '@mantine/core';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { bytes, clock, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Answered, Failed } from '../../ui/States';
import { going, save, type Policy, type Preview } from './data';

/** goes says what would be destroyed tonight: recordings, or the sound of some alone. */
const goes = (p: Preview) =>
  p.confirm === 0 ? 'Nothing would go tonight'
  : p.tonight.recordings > 0 ? `These rules would destroy ${count(p.tonight.recordings, 'recording')} tonight`
  : `These rules would destroy the sound of ${count(p.tonight.sound_only, 'recording')} tonight`;

/** Effect says what rules would do tonight, lists it, and saves them once the count was confirmed. */
export function Effect({ customer, policy, version, preview: p, onClose, onSaved }: {
  customer: string;
  policy: Policy;
  version: number;
  preview: Preview;
  onClose: () => void;
  onSaved: (pending: boolean, destroyed: number) => unknown;
}) {
  const [confirm, setConfirm] = useState<number | string>('');
  const [reason, setReason] = useState('');
  const [listed, setListed] = useState(false);
  const saving = useMutation({
    mutationFn: () => save(customer, { version, policy, confirm: p.confirm > 0 ? Number(confirm) : undefined, reason: reason.trim() || undefined }),
    onSuccess: (done) => onSaved(done.pending, done.destroyed),
  });
  const fault = saving.error instanceof Problem ? saving.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    saving.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="What these rules would do" centered size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Alert color={p.confirm > 0 ? 'yellow' : 'gray'} variant="light" icon={<Icon name={p.confirm > 0 ? 'warn' : 'check'} />} styles={{ message: { color: 'var(--mantine-color-text)' } }}
            title={goes(p)}
          >
            <List size="sm" spacing={2}>
              {p.tonight.recordings > 0 && <List.Item>{bytes(p.tonight.bytes)} in all; {count(p.added, 'recording')} that the rules in force would keep.</List.Item>}
              {p.tonight.sound_only > 0 && <List.Item>Of {count(p.tonight.sound_only, 'recording')} the sound goes and the transcript stays.</List.Item>}
              {p.tonight.held > 0 && <List.Item>{count(p.tonight.held, 'recording')} would be due, and are kept by legal holds or at a person&apos;s request.</List.Item>}
              {p.spared > 0 && <List.Item>{count(p.spared, 'recording')} that would go tonight are kept longer.</List.Item>}
              <List.Item>{p.shortens ? 'Some recordings, now or later, are due earlier than before: this waits 7 days, or for a second person.' : 'No recording is due earlier than before: this takes effect at once.'}</List.Item>
            </List>
          </Alert>
          {p.confirm > 0 && (
            <Group>
              <Button variant="default" size="xs" onClick={() => setListed(!listed)} aria-expanded={listed}>{listed ? 'Hide them' : 'Here they are'}</Button>
            </Group>
          )}
          {listed && <Listing customer={customer} policy={policy} />}
          {p.shortens && <Textarea label="Why recordings are to be kept less long" description="The second person reads it" required autosize minRows={2} maxLength={1000} value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={fault?.about('reason')} />}
          {p.confirm > 0 && <NumberInput label={`Type ${p.confirm} to confirm`} hideControls value={confirm} onChange={setConfirm} error={fault?.about('confirm')} w={220} />}
          {saving.error != null && !(fault?.about('confirm') || fault?.about('reason')) && <Failed error={saving.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Back</Button>
            <Button type="submit" loading={saving.isPending} color={p.confirm > 0 ? 'red' : undefined} disabled={p.confirm > 0 && Number(confirm) !== p.confirm}>{p.shortens ? 'Ask for it' : 'Save'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const what = { all: 'Everything', sound: 'The sound', 'figures-stay': 'All but figures' };

function Listing({ customer, policy }: { customer: string; policy: Policy }) {
  const query = useInfiniteQuery({
    queryKey: ['at', customer, 'retention', 'going', JSON.stringify(policy)],
    queryFn: ({ pageParam }) => going(customer, policy, pageParam),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  return (
    <Answered query={query} rows={4}>
      {(data) => (
        <>
          <Table.ScrollContainer minWidth={560} mah={320}>
            <Table>
              <Table.Thead><Table.Tr><Table.Th>Call</Table.Th><Table.Th>Length</Table.Th><Table.Th>Queue</Table.Th><Table.Th>What goes</Table.Th><Table.Th>Because of</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>
                {data.pages.flatMap((page) => page.items).map((r) => (
                  <Table.Tr key={r.id}>
                    <Table.Td>{moment(r.started_at)}</Table.Td>
                    <Table.Td className="num">{clock(r.seconds)}</Table.Td>
                    <Table.Td>{r.queue || '–'}</Table.Td>
                    <Table.Td>{what[r.what]}</Table.Td>
                    <Table.Td><Text size="sm">{r.reason}</Text></Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {query.hasNextPage && <Group><Button size="xs" variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>More</Button></Group>}
        </>
      )}
    </Answered>
  );
}
