import { Button, Checkbox, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { count } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { figured, plan } from './queries';

/** PersonPseudonyms replaces the names and numbers of a request's person in what was confirmed as theirs. */
export function PersonPseudonyms({ customer, request }: { customer: string; request: string }) {
  const client = useQueryClient();
  const [log, setLog] = useState(false);
  const [silence, setSilence] = useState(true);
  const [asking, setAsking] = useState(false);
  const [n, setN] = useState<number | string>('');
  const query = useQuery(plan(customer, request, log));
  const start = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/pseudonymise', { params: { path: { customer, request } }, body: { silence, log, confirm: Number(n) } })),
    onSuccess: () => {
      toast('Names and numbers are being replaced: the page Pseudonyms shows how far it has come.');
      setAsking(false);
      setN('');
      return client.invalidateQueries({ queryKey: here(customer, 'requests') });
    },
  });
  return (
    <Card>
      <Text fw={600} component="h2" mb="xs">Replace names and numbers by pseudonyms</Text>
      <Answered query={query} rows={2}>
        {(p) => (
          <Stack gap="xs">
            <Text size="sm">Of the recordings confirmed: {figured(p.figures)}. {p.elsewhere > 0 && `${count(p.elsewhere, 'find')} elsewhere would be taken out.`}</Text>
            {p.stays?.map((s) => <Text key={s} size="sm" c="dimmed">Stays. {s}</Text>)}
            <Checkbox label="Where a name or number is said, the sound falls silent" checked={silence} onChange={(e) => setSilence(e.currentTarget.checked)} />
            <Checkbox label="What the change log says of the person goes, too" checked={log} onChange={(e) => setLog(e.currentTarget.checked)} />
            <Group justify="flex-end"><Button variant="default" disabled={p.recordings === 0 && p.elsewhere === 0} onClick={() => setAsking(true)}>Replace in {count(p.recordings, 'recording')}…</Button></Group>
            <Modal opened={asking} onClose={() => setAsking(false)} title="Replace for good" centered closeButtonProps={{ 'aria-label': 'Close' }}>
              <Stack>
                <Text size="sm">What stood there is destroyed with its key. Whom a pseudonym stands for can be looked up, by who may and with a receipt, until that way back is destroyed.</Text>
                <NumberInput label={`Type ${p.recordings} to confirm`} hideControls value={n} onChange={setN} data-autofocus />
                {start.error != null && <Failed error={start.error} />}
                <Group justify="flex-end"><Button variant="default" onClick={() => setAsking(false)}>Cancel</Button><Button color="red" loading={start.isPending} disabled={n === '' || Number(n) !== p.recordings} onClick={() => start.mutate()}>Replace</Button></Group>
              </Stack>
            </Modal>
          </Stack>
        )}
      </Answered>
    </Card>
  );
}
