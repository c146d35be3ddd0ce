import { Autocomplete, Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { count } from '../../ui/format';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { holds } from './data';

/** HoldThese puts single recordings under a hold, for a matter that there is or a new one. */
export function HoldThese({ customer, recordings, onClose }: { customer: string; recordings: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const matters = [...new Set((useQuery(holds(customer)).data?.items ?? []).filter((h) => !h.lifted_at).map((h) => h.matter))];
  const [matter, setMatter] = useState('');
  const [reason, setReason] = useState('');
  const place = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/holds', { params: { path: { customer } }, body: { matter, reason, recordings } })),
    onSuccess: async (h) => {
      toast(`${count(h.count, 'recording')} held.`);
      onClose();
      await client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
    },
  });
  const p = place.error instanceof Problem ? place.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    place.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={recordings.length === 1 ? 'Hold this recording' : `Hold ${count(recordings.length, 'recording')}`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">Nobody and nothing destroys what is held. Lifting a hold needs a second person.</Text>
          <Autocomplete label="Matter" description="One that there is, or a new one" required maxLength={200} data={matters} value={matter} onChange={setMatter} error={p?.about('matter')} data-autofocus />
          <Textarea label="Reason" required autosize minRows={2} maxLength={1000} value={reason} onChange={(e) => setReason(e.currentTarget.value)} error={p?.about('reason')} />
          {place.error != null && !p?.about('matter') && !p?.about('reason') && <Failed error={place.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={place.isPending} disabled={!matter.trim() || !reason.trim()}>Hold</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
