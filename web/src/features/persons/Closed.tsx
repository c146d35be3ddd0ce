import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Problem } from '../../api/errors';
import { here } from '../../api/client';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { closed, closedDue, keepClosed } from './data';

const years = (days: number) => {
  const n = days / 366;
  return n >= 1 && days % 366 === 0 ? (n === 1 ? 'a year' : `${n} years`) : `${days} days`;
};

/** Closed says how long requests and breaches stay once they are closed, and changes it. */
export function Closed({ customer }: { customer: string }) {
  const client = useQueryClient();
  const days = useQuery(closed(customer)).data?.days;
  const [value, setValue] = useState<number | string | null>(null);
  const [confirm, setConfirm] = useState<number | string>('');
  const going = useQuery(closedDue(customer, Number(value))).data?.count;
  const save = useMutation({
    mutationFn: () => keepClosed(customer, Number(value), Number(confirm)),
    onSuccess: async () => {
      setValue(null);
      setConfirm('');
      toast('Chosen. What is older goes in the next night.');
      await client.invalidateQueries({ queryKey: here(customer, 'closed-cases') });
    },
  });
  if (days === undefined) return null;
  const about = save.error instanceof Problem ? save.error.about('days') : undefined;
  return (
    <>
      <Group gap="xs" mt="sm">
        <Text size="sm" c="dimmed">Closed requests and breaches are deleted after {years(days)}, unless a restriction or an objection of theirs still counts.</Text>
        <Button size="compact-xs" variant="subtle" onClick={() => setValue(days)}>Change</Button>
      </Group>
      <Modal opened={value !== null} onClose={() => setValue(null)} title="How long closed requests and breaches are kept" centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
          <Stack>
            <NumberInput label="Days" description="30 to 3660. What is older is deleted in the night, with its finds and the words about it in the change log" value={value ?? ''} onChange={setValue} min={30} max={3660} error={about} data-autofocus />
            {!!going && (
              <>
                <Text size="sm">{going === 1 ? 'One closed case goes' : `${going} closed cases go`} tonight by that, for good.</Text>
                <NumberInput label={`Type ${going} to confirm`} hideControls value={confirm} onChange={setConfirm} w={220} />
              </>
            )}
            {save.error != null && !about && <Failed error={save.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setValue(null)}>Cancel</Button>
              <Button type="submit" loading={save.isPending} disabled={going === undefined || (going > 0 && Number(confirm) !== going)}>Save</Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
