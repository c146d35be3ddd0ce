import { ActionIcon, Button, Group, Modal, Radio, Stack, Text, TextInput, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { useMay } from '../../api/me';
import type { RecordingDetail } from '../../api/types';
import { bytes, words } from '../../ui/format';
import { Confirm } from '../../ui/Confirm';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { HoldThese } from '../holds/HoldThese';
import { title } from '../recordings/party';
import { Evidence } from '../verification/Evidence';
import { open } from './openings';
import { layoutText } from './timeline';

/** Acts are what can be done with a whole recording, offered to those who may. */
export function Acts({ customer, detail, onGone }: { customer: string; detail: RecordingDetail; onGone: () => void }) {
  const [saving, save] = useDisclosure(false);
  const [erasing, erase] = useDisclosure(false);
  const [proving, prove] = useDisclosure(false);
  const [holding, hold] = useDisclosure(false);
  const mayHold = useMay(customer)('hold.manage');
  const client = useQueryClient();
  const destroy = async (reason: string) => {
    await must(
      api.DELETE('/api/v1/customers/{customer}/recordings/{recording}', {
        params: { path: { customer, recording: detail.id } },
        body: { reason },
      }),
    );
    toast('The recording is destroyed: its key is gone, nobody can open it again.');
    onGone();
    await client.invalidateQueries({ queryKey: here(customer, 'recordings') });
  };
  return (
    <Group gap={4} wrap="nowrap">
      {detail.may.download && (
        <Tooltip label="Download as WAV">
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Download as WAV" onClick={save.open}>
            <Icon name="download" />
          </ActionIcon>
        </Tooltip>
      )}
      {detail.may.download && (
        <Tooltip label="Evidence file">
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Evidence file" onClick={prove.open}>
            <Icon name="shield" />
          </ActionIcon>
        </Tooltip>
      )}
      {mayHold && (
        <Tooltip label="Hold this recording">
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Hold this recording" onClick={hold.open}>
            <Icon name="lock" />
          </ActionIcon>
        </Tooltip>
      )}
      {detail.may.destroy && (
        <Tooltip label={detail.held ? 'A hold keeps it' : 'Destroy'}>
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Destroy" disabled={detail.held} onClick={erase.open}>
            <Icon name="trash" />
          </ActionIcon>
        </Tooltip>
      )}
      {holding && <HoldThese customer={customer} recordings={[detail.id]} onClose={hold.close} />}
      <Download customer={customer} detail={detail} opened={saving} onClose={save.close} />
      <Evidence customer={customer} recordings={[detail]} opened={proving} onClose={prove.close} />
      <Confirm title="Destroy this recording?" act="Destroy for ever" reason="Why? The change log keeps this." opened={erasing} onClose={erase.close} onConfirm={destroy}>
        <Text size="sm">
          {title(detail)}. The keys of its sound, its transcript and its names are erased in every key store. This cannot be undone, not even from a backup, and the same file is never captured again.
        </Text>
      </Confirm>
    </Group>
  );
}

function Download({ customer, detail, opened, onClose }: { customer: string; detail: RecordingDetail; opened: boolean; onClose: () => void }) {
  const [purpose, setPurpose] = useState('');
  const [rendition, setRendition] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      const opening = await open(customer, detail.id, 'download', purpose.trim(), rendition, !!detail.restricted_at);
      const link = document.createElement('a');
      link.href = opening.download_url;
      link.download = '';
      link.click();
      onClose();
      toast('The download began. Its receipt stands under “Who opened it”.');
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Download as WAV" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm" c="dimmed">
          A file on your computer is no longer protected by Ringfence. A receipt with your name, the time and the purpose is written first.
        </Text>
        <TextInput label="Purpose" description="Optional, stands in the change log" value={purpose} maxLength={300} onChange={(e) => setPurpose(e.currentTarget.value)} data-autofocus />
        {detail.renditions.length > 1 && (
          <Radio.Group label="Which form" value={rendition} onChange={setRendition}>
            <Stack gap={6} mt={6}>
              <Radio value="" label="The one to listen to" />
              {detail.renditions.map((r) => (
                <Radio key={r.id} value={r.id} label={`${words(r.kind)}: ${layoutText(r.layout)}, ${bytes(r.bytes)}`} />
              ))}
            </Stack>
          </Radio.Group>
        )}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button loading={busy} leftSection={<Icon name="download" size={16} />} onClick={() => void go()}>Download</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
