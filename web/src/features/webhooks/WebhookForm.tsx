import { Button, Checkbox, Group, Modal, Stack, Switch, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { NewWebhook, Webhook } from '../../api/types';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { events } from './queries';

/** WebhookForm adds a webhook, or changes one. */
export function WebhookForm({ customer, webhook, onClose, onMade }: { customer: string; webhook?: Webhook; onClose: () => void; onMade: (w: NewWebhook) => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(webhook?.name ?? '');
  const [url, setURL] = useState(webhook?.url ?? '');
  const [wanted, setWanted] = useState<string[]>(webhook?.events ?? ['recording.captured']);
  const [purpose, setPurpose] = useState(webhook?.purpose ?? '');
  const [region, setRegion] = useState(webhook?.region ?? '');
  const [on, setOn] = useState(!webhook || webhook.state === 'active');
  const save = useMutation({
    mutationFn: async () => {
      const body = { name, url, events: wanted, purpose, region, paused: !on };
      if (webhook) {
        await must(api.PUT('/api/v1/customers/{customer}/webhooks/{webhook}', { params: { path: { customer, webhook: webhook.id } }, body }));
        toast(`${name} is changed.`);
      } else {
        onMade(await must(api.POST('/api/v1/customers/{customer}/webhooks', { params: { path: { customer } }, body })));
      }
    },
    onSuccess: () => {
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'webhooks') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={webhook ? `Change ${webhook.name}` : 'Add a webhook'} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" required data-autofocus maxLength={100} value={name} error={p?.about('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <TextInput
            label="Address" description="https; it is kept sealed" type="url" required maxLength={2000} value={url} error={p?.about('url')} placeholder="https://crm.example/hooks/calls"
            onChange={(e) => setURL(e.currentTarget.value)}
          />
          <Checkbox.Group label="It is told when" value={wanted} onChange={setWanted} error={p?.about('events')}>
            <Stack gap={8} mt={6}>
              {events.map((e) => <Checkbox key={e.value} value={e.value} label={e.label} />)}
            </Stack>
          </Checkbox.Group>
          <TextInput
            label="Purpose" description="Why it is told; stands in the ledger of what leaves" required maxLength={200} value={purpose} error={p?.about('purpose')}
            onChange={(e) => setPurpose(e.currentTarget.value)}
          />
          <TextInput label="Region" description="Where the receiver stands" required maxLength={100} value={region} error={p?.about('region')} placeholder="EU" onChange={(e) => setRegion(e.currentTarget.value)} />
          {webhook && <Switch label="Switched on" checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={wanted.length === 0}>{webhook ? 'Save' : 'Add and show the secret'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
