import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import type { Recording } from '../../api/types';
import { ExportProgress } from '../../ui/ExportProgress';
import { clock, moment } from '../../ui/format';
import { Failed } from '../../ui/States';
import { purposes } from '../receipts/data';
import { title } from '../recordings/party';

type Props = { customer: string; recordings: readonly Recording[]; choose?: boolean; opened: boolean; onClose: () => void };

/** Evidence asks why, has the file made, and gives it: of one recording, or of those that are ticked. */
export function Evidence({ customer, recordings, choose, opened, onClose }: Props) {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [purpose, setPurpose] = useState('');
  const named = useQuery({ ...purposes(customer), enabled: opened }).data;
  const [made, setMade] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const chosen = choose ? recordings.filter((r) => ticked.has(r.id)) : recordings;
  const tick = (id: string) => setTicked((t) => new Set(t.has(id) ? [...t].filter((x) => x !== id) : [...t, id]));
  const close = () => {
    setMade('');
    setPurpose('');
    setError(null);
    setTicked(new Set());
    onClose();
  };
  const make = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const e = await must(api.POST('/api/v1/customers/{customer}/evidence', { params: { path: { customer } }, body: { recordings: chosen.map((r) => r.id), purpose: purpose.trim() } }));
      setMade(e.id);
    } catch (x) {
      setError(x);
    }
    setBusy(false);
  };
  return (
    <Modal opened={opened} onClose={close} title="Evidence file" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      {made ? (
        <Stack>
          <ExportProgress customer={customer} id={made} />
          <Text size="sm">Give it to whoever has to be convinced, and the key of this installation (Verification) by another way.</Text>
        </Stack>
      ) : (
        <form onSubmit={(e) => void make(e)}>
          <Stack>
            <Text size="sm">
              One zip with sound, words, a vCon, who did what with it since its capture, and the proofs of all that. It checks itself in a browser without a network. Each recording in it counts as opened, with your purpose.
            </Text>
            {choose && (
              <Stack gap={4} mah={260} style={{ overflowY: 'auto' }} role="group" aria-label="Recordings">
                {recordings.map((r) => <Checkbox key={r.id} checked={ticked.has(r.id)} onChange={() => tick(r.id)} label={`${moment(r.started_at)}, ${title(r)}, ${clock(r.seconds)}`} />)}
              </Stack>
            )}
            <TextInput label="Purpose" description="Stands in the change log and in the file" required maxLength={300} list="evidence-purposes" value={purpose} onChange={(e) => setPurpose(e.currentTarget.value)} />
            <datalist id="evidence-purposes">{named?.ready.map((r) => <option key={r} value={r} />)}</datalist>
            {error !== null && <Failed error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>Cancel</Button>
              <Button type="submit" loading={busy} disabled={chosen.length === 0 || purpose.trim() === ''}>
                {chosen.length === 1 ? 'Make the file' : `Make the file of ${chosen.length} recordings`}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
