import { Button, Checkbox, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Text, TextInput, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ChangeEvent, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { ImportDraft } from '../../api/types';
import { Failed } from '../../ui/States';
import { ProfileSelect, useProfile } from '../settings/Profiles';

const zones = () => [...new Set([...Intl.supportedValuesOf('timeZone'), 'UTC'])];

/** columnsOf reads a mapping of columns as people write it: one a line, "their name = ours". */
export function columnsOf(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [theirs, ours] = line.split('=');
    if (theirs?.trim() && ours?.trim()) out[theirs.trim()] = ours.trim();
  }
  return out;
}

/** ImportForm prepares an import: it only looks at the files. */
export function ImportForm({ customer, onClose }: { customer: string; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [form, setForm] = useState<ImportDraft>({
    name: '', folder: '', logs: '', profile: 'generic', pattern: '', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, language: navigator.language, country: '',
    transcribe: false, per_minute: 0,
  });
  const [columns, setColumns] = useState('');
  const set = (change: Partial<ImportDraft>) => setForm((f) => ({ ...f, ...change }));
  const profile = useProfile(customer, form.profile);
  const save = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/imports', { params: { path: { customer } }, body: { ...form, columns: columnsOf(columns) } })),
    onSuccess: async (made) => {
      onClose();
      await client.invalidateQueries({ queryKey: here(customer, 'imports') });
      await navigate({ to: `/c/${customer}/imports/${made.id}` });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const field = (name: 'name' | 'folder' | 'logs' | 'language' | 'country' | 'pattern', label: string, description: string, more?: object) => (
    <TextInput label={label} description={description} value={form[name] ?? ''} error={p?.about(name)} onChange={(e) => set({ [name]: e.currentTarget.value })} {...more} />
  );
  return (
    <Modal opened onClose={onClose} title="Prepare an import" size="xl" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {field('name', 'Name', 'For example the old recorder', { required: true, 'data-autofocus': true, maxLength: 100 })}
          <ProfileSelect customer={customer} value={form.profile} onChange={(v) => set({ profile: v as 'generic' })} error={p?.about('profile')} />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {field('folder', 'Folder', 'Absolute path on the server', { required: true, className: 'mono' })}
            {profile?.logs && field('logs', 'Logs', 'Folder of the call records; empty: beside the recordings', { className: 'mono' })}
          </SimpleGrid>
          {profile?.pattern && field('pattern', 'File-name pattern', 'For example {extension}_{started:060102_150405}_{_}_{caller}. Empty: take the time of the file.', { className: 'mono' })}
          {profile?.pattern && (
            <Textarea
              label="Columns of a list (CSV)" description="One a line: their name = file, id, started, ended, caller, caller_name, dialled, extension, agent, queue, direction or side"
              autosize minRows={2} className="mono" value={columns} error={p?.about('columns')} onChange={(e) => setColumns(e.currentTarget.value)}
            />
          )}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select label="Time zone" description="Of the old system's clock" required searchable data={zones()} value={form.time_zone} onChange={(v) => set({ time_zone: v ?? '' })} error={p?.about('time_zone')} />
            {field('country', 'Country', 'Two letters, to read national numbers', { maxLength: 2, onChange: (e: ChangeEvent<HTMLInputElement>) => set({ country: e.currentTarget.value.toUpperCase() }) })}
            <NumberInput label="Files a minute, at most" description="0: as fast as it goes; live capture comes first in any case" min={0} value={form.per_minute} onChange={(v) => set({ per_minute: Number(v) || 0 })} />
          </SimpleGrid>
          <Checkbox label="Transcribe what is taken in" description="The preview says how long that would take. Nothing is transcribed that is not asked for." checked={!!form.transcribe} onChange={(e) => set({ transcribe: e.currentTarget.checked })} />
          {form.transcribe && field('language', 'Language', 'Of what is spoken, for example en-GB', { required: true, maxLength: 35 })}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Text size="sm" c="dimmed">This only looks at the files. You start the import from its page when you have seen the figures.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Look at the files</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
