import { Alert, Button, Checkbox, Group, Modal, NumberInput, Radio, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ChangeEvent, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Source, SourceSettings } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { ProfileSelect } from './Profiles';

/** settingsOf is what can be set of a source: a change sends the whole of it. */
export function settingsOf(s: Source): SourceSettings {
  return {
    name: s.name, kind: s.kind, profile: s.profile, folder: s.folder, logs: s.logs, time_zone: s.time_zone, language: s.language,
    country: s.country, pattern: s.pattern, after: s.after, paused: s.state === 'paused', queue_languages: s.queue_languages, ...(s.raw ? { raw: s.raw } : {}),
  };
}

const fresh = (): SourceSettings => ({
  name: '', kind: 'folder', profile: 'asterisk', folder: '', logs: '', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  language: navigator.language, country: '', pattern: '', after: 'keep',
});

/** kinds are the ways in, as people call them; recording sessions and imports are made on pages of their own. */
export const kinds = [
  { value: 'folder', label: 'Folder on this server' },
  { value: 'collector', label: 'Collector beside the PBX' },
  { value: 'drop', label: 'Others push files (SFTP, HTTPS)' },
  { value: 'pickup', label: 'Fetch from elsewhere (SFTP, FTPS)' },
  { value: 'system', label: 'Ask the telephone system’s API' },
  { value: 'siprec', label: 'Recording sessions (SIPREC)' },
  { value: 'import', label: 'Import of old recordings' },
];

const zones = () => [...new Set([...Intl.supportedValuesOf('timeZone'), 'UTC'])];

/** SourceForm asks only for what the chosen kind and profile need. */
export function SourceForm({ customer, source, onClose }: { customer: string; source: Source | null; onClose: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState<SourceSettings>(source ? settingsOf(source) : fresh());
  const set = (change: Partial<SourceSettings>) => setForm((f) => ({ ...f, ...change }));
  const save = useMutation({
    mutationFn: () =>
      source
        ? must(api.PATCH('/api/v1/customers/{customer}/sources/{source}', { params: { path: { customer, source: source.id } }, body: form }))
        : must(api.POST('/api/v1/customers/{customer}/sources', { params: { path: { customer } }, body: form })),
    onSuccess: () => {
      toast(source ? 'The source is changed.' : form.kind === 'collector' ? 'The source is there. Now enrol its collector.' : form.kind === 'drop' ? 'The source is there. Now let its system push: see Push.' : form.kind === 'pickup' ? 'The source is there. Now say where from.' : 'The source is there.');
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'sources') });
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const folder = form.kind === 'folder';
  const field = (name: 'name' | 'folder' | 'logs' | 'language' | 'country' | 'pattern', label: string, description: string, more?: object) => (
    <TextInput label={label} description={description} value={form[name] ?? ''} error={p?.about(name)} onChange={(e) => set({ [name]: e.currentTarget.value })} {...more} />
  );
  return (
    <Modal opened onClose={onClose} title={source ? `Change ${source.name}` : 'Add a source'} size="xl" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <Group>
            <Select label="How recordings come" w={340} allowDeselect={false} value={form.kind} onChange={(v) => set({ kind: v as 'folder' })} data={source ? kinds : kinds.filter((k) => k.value !== 'siprec' && k.value !== 'import')} disabled={!!source} />
          </Group>
          <ProfileSelect customer={customer} value={form.profile} onChange={(v) => set({ profile: v as 'asterisk' })} error={p?.about('profile')} />
          {field('name', 'Name', 'For example the site or the telephone system', { required: true, 'data-autofocus': true, maxLength: 100 })}
          {folder && (
            <SimpleGrid cols={{ base: 1, sm: form.profile !== 'generic' ? 2 : 1 }}>
              {field('folder', 'Folder', 'Absolute path on the server', { required: true, classNames: { input: 'mono' } })}
              {form.profile !== 'generic' && field('logs', 'Logs', form.profile === 'asterisk' ? 'Folder of CDR, CEL and queue_log' : 'Folder of the call records; empty: beside the recordings', { classNames: { input: 'mono' } })}
            </SimpleGrid>
          )}
          {(form.kind === 'drop' || form.kind === 'pickup') && form.profile !== 'generic' && field('logs', 'Logs', 'Folder of the logs among what is sent or fetched, such as logs. Empty: its top', { classNames: { input: 'mono' } })}
          {form.profile === 'generic' && field('pattern', 'File-name pattern', 'Named parts in braces, for example {direction}-{caller}-{dialled}-{date}-{time}. Empty: take the time of the file.')}
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <Select label="Time zone" description="Of the system's clock and logs" required searchable data={zones()} value={form.time_zone} onChange={(v) => set({ time_zone: v ?? '' })} error={p?.about('time_zone')} />
            {field('language', 'Language', 'Empty: not transcribed', { maxLength: 35 })}
            {field('country', 'Country', 'Two letters, to read national numbers', { maxLength: 2, onChange: (e: ChangeEvent<HTMLInputElement>) => set({ country: e.currentTarget.value.toUpperCase() }) })}
          </SimpleGrid>
          {form.profile === 'generic' && <Raw form={form} set={set} />}
          {form.kind !== 'drop' && <After form={form} set={set} error={p?.about('after')} />}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          {p && p.faults.length > 0 && (
            <Alert color="red" variant="light" title="Not yet" icon={<Icon name="warn" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {p.faults.map((f, i) => (
                <Text key={i} size="sm">{f.location ? `${f.location.replace(/^body\./, '')}: ` : ''}{f.message}</Text>
              ))}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>{source ? 'Save' : 'Add'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

type PartProps = { form: SourceSettings; set: (change: Partial<SourceSettings>) => void };

/** Raw is for files without a header: nothing in them says how to read them. */
function Raw({ form, set }: PartProps) {
  const raw = form.raw;
  return (
    <Stack gap="xs">
      <Checkbox label="Files have no header (raw sound)" checked={!!raw} onChange={(e) => set({ raw: e.currentTarget.checked ? { codec: 'ulaw', rate: 8000, channels: 1 } : undefined })} />
      {raw && (
        <Group align="flex-end">
          <Select label="Coding" w={160} allowDeselect={false} value={raw.codec} data={[{ value: 'ulaw', label: 'µ-law' }, { value: 'alaw', label: 'A-law' }, { value: 'slin16', label: 'Linear, 16 bits' }]} onChange={(v) => set({ raw: { ...raw, codec: v as 'ulaw' } })} />
          <NumberInput label="Samples a second" w={160} min={8000} max={48000} value={raw.rate} onChange={(v) => set({ raw: { ...raw, rate: Number(v) } })} />
          <Select label="Channels" w={120} allowDeselect={false} value={String(raw.channels)} data={['1', '2']} onChange={(v) => set({ raw: { ...raw, channels: Number(v) } })} />
        </Group>
      )}
    </Stack>
  );
}

/** After is what becomes of the source file; what touches it is refused until the archive holds it twice. */
function After({ form, set, error }: PartProps & { error?: string }) {
  return (
    <Radio.Group label="Once a recording is safe in the archive, its source file is" value={form.after} onChange={(v) => set({ after: v as 'keep' })} error={error}>
      <Stack gap={8} mt={8}>
        <Radio value="keep" label="kept" description="Nothing at the source is touched." />
        <Radio value="move" label="moved aside" description="Into the folder .ringfence-done beside the files, after the archive has read the recording back and compared it." />
        <Radio value="delete" label="deleted" description="After the same check. Moving and deleting are refused while sound and keys do not each lie in two places: one disk lost would be the recording lost." />
      </Stack>
    </Radio.Group>
  );
}
