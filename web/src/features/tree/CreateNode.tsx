import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** CreateNode makes a reseller or a customer and invites its administrator. */
export function CreateNode({ node, opened, onClose }: { node: string; opened: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const empty = { kind: 'customer' as 'customer' | 'reseller', name: '', admin_name: '', admin_email: '' };
  const [form, setForm] = useState(empty);
  const create = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/children', { params: { path: { node } }, body: form })),
    onSuccess: (made) => {
      toast(`${made.name} is there. ${form.admin_email} has been invited.`);
      setForm(empty);
      onClose();
      return client.invalidateQueries({ queryKey: ['node'] });
    },
  });
  const p = create.error instanceof Problem ? create.error : null;
  const field = (name: 'name' | 'admin_name' | 'admin_email', label: string, more?: object) => (
    <TextInput label={label} required value={form[name]} error={p?.about(name)} onChange={(e) => setForm({ ...form, [name]: e.currentTarget.value })} {...more} />
  );
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Add a reseller or a customer" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Select label="Kind" data={[{ value: 'customer', label: 'Customer' }, { value: 'reseller', label: 'Reseller' }]} value={form.kind} onChange={(v) => setForm({ ...form, kind: v as 'customer' | 'reseller' })} allowDeselect={false} />
          {field('name', 'Name', { maxLength: 100, 'data-autofocus': true })}
          {field('admin_name', "Administrator's name", { maxLength: 100 })}
          {field('admin_email', "Administrator's e-mail", { type: 'email', description: 'Gets a link, good for one use, to set a password' })}
          {create.error != null && !p?.faults.length && <Failed error={create.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={create.isPending}>Add and invite</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
