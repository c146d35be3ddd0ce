import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Node } from '../../api/types';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** InviteFirst mails the invitation of a customer's first administrator again, also to another address, until one has come. */
export function InviteFirst({ node: n, opened, onClose }: { node: Node; opened: boolean; onClose: () => void }) {
  const [form, setForm] = useState({ admin_name: '', admin_email: '' });
  const invite = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/invitations', { params: { path: { node: n.id } }, body: form })),
    onSuccess: () => {
      toast(`${form.admin_email} has been invited.`);
      setForm({ admin_name: '', admin_email: '' });
      onClose();
    },
  });
  const p = invite.error instanceof Problem ? invite.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    invite.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Invite the administrator again" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">For an invitation that was lost or went to a wrong address. Once an administrator of {n.name} has signed in, only they name others.</Text>
          <TextInput label="Administrator's name" required maxLength={100} data-autofocus value={form.admin_name} error={p?.about('admin_name')} onChange={(e) => setForm({ ...form, admin_name: e.currentTarget.value })} />
          <TextInput label="Administrator's e-mail" type="email" required description="Gets a link, good for one use, to set a password" value={form.admin_email} error={p?.about('admin_email')} onChange={(e) => setForm({ ...form, admin_email: e.currentTarget.value })} />
          {invite.error != null && !p?.faults.length && <Failed error={invite.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={invite.isPending}>Invite</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
