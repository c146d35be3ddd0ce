import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import type { Node } from '../../api/types';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

export function Rename({ node, opened, onClose }: { node: Node; opened: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(node.name);
  const save = useMutation({
    mutationFn: () => must(api.PATCH('/api/v1/nodes/{node}', { params: { path: { node: node.id } }, body: { name } })),
    onSuccess: () => {
      toast('The name is changed.');
      onClose();
      return Promise.all([client.invalidateQueries({ queryKey: ['node'] }), client.invalidateQueries({ queryKey: ['me'] })]);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title={`Rename ${node.name}`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
          {save.error != null && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>Rename</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
