import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Failed } from './States';

/** Confirm asks before something that cannot be undone; with `reason`, it also asks why, and the change log keeps the answer. */
export function Confirm({ title, children, act, reason, opened, onClose, onConfirm }: {
  title: string;
  children: ReactNode;
  act: string;
  reason?: string;
  opened: boolean;
  onClose: () => void;
  onConfirm: (why: string) => Promise<unknown>;
}) {
  const [why, setWhy] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const close = () => {
    setWhy('');
    setError(null);
    onClose();
  };
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm(why.trim());
      close();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={title} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm" component="div">
          {children}
        </Text>
        {reason && (
          <Textarea label={reason} value={why} onChange={(e) => setWhy(e.currentTarget.value)} autosize minRows={2} maxLength={500} data-autofocus required />
        )}
        {error !== null && <Failed error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button color="red" loading={busy} disabled={!!reason && why.trim() === ''} onClick={() => void go()}>
            {act}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
