import { Alert, Button, Checkbox, Group, Modal, NumberInput, PasswordInput, SimpleGrid, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { SiprecSettings, SiprecSource, Source } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

const fresh: SiprecSettings = { peers: [], certificates: [], user: '', ours: [], encrypted: false, max_calls: 100 };

type Props = { customer: string; it: SiprecSource | null; source?: Source; onClose: () => void };

/** SiprecForm says who may call. A new one is a source first, and then its settings. */
export function SiprecForm({ customer, it, source, onClose }: Props) {
  const client = useQueryClient();
  const [name, setName] = useState(source?.name ?? '');
  const [country, setCountry] = useState(source?.country ?? '');
  const [language, setLanguage] = useState(source?.language ?? navigator.language);
  const [form, setForm] = useState<SiprecSettings>(it?.settings ?? fresh);
  const [made, setMade] = useState(it?.source_id ?? '');
  const set = (change: Partial<SiprecSettings>) => setForm((f) => ({ ...f, ...change }));
  const save = useMutation({
    mutationFn: async () => {
      let id = made;
      if (!id) {
        const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        const body = { name, country, language, kind: 'siprec', profile: 'generic', time_zone, after: 'keep' } as const;
        id = (await must(api.POST('/api/v1/customers/{customer}/sources', { params: { path: { customer } }, body }))).id;
        setMade(id); // what was made is not made again when its settings are refused
      }
      return must(api.PUT('/api/v1/customers/{customer}/sources/{source}/siprec', { params: { path: { customer, source: id } }, body: form }));
    },
    onSettled: () => client.invalidateQueries({ queryKey: here(customer, 'sources') }),
    onSuccess: () => {
      toast(it ? 'Who may call is changed.' : 'The recording client is there. Type its address into the system that will call.');
      onClose();
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const list = (field: 'peers' | 'certificates' | 'ours', label: string, description: string) => (
    <TagsInput label={label} description={description} value={form[field] ?? []} onChange={(v) => set({ [field]: v })} error={p?.about(field)} splitChars={[',', ' ', ';']} acceptValueOnBlur />
  );
  return (
    <Modal opened onClose={onClose} title={it ? `Who may call ${source?.name ?? ''}` : 'Add a recording client'} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {!it && (
            <SimpleGrid cols={{ base: 1, sm: 3 }}>
              <TextInput label="Name" description="Of the system that will call" required data-autofocus maxLength={100} value={name} disabled={!!made} error={p?.about('name')} onChange={(e) => setName(e.currentTarget.value)} />
              <TextInput label="Country" description="Two letters, for numbers" maxLength={2} value={country} disabled={!!made} onChange={(e) => setCountry(e.currentTarget.value)} />
              <TextInput label="Language" description="Empty: not transcribed" maxLength={35} value={language} disabled={!!made} onChange={(e) => setLanguage(e.currentTarget.value)} />
            </SimpleGrid>
          )}
          <Text size="sm">All that you set here must hold. By UDP only callers with a listed address are heard.</Text>
          {list('peers', 'Addresses', 'From which it calls, for example 203.0.113.7 or 10.1.2.0/24')}
          {list('certificates', 'Client certificates', 'SHA-256 fingerprints; they count for calls by TLS')}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label="Digest user" description="Empty: no password is asked for" value={form.user} maxLength={100} error={p?.about('user')} onChange={(e) => set({ user: e.currentTarget.value })} autoComplete="off" />
            <PasswordInput label="Secret" description={it?.secret_set ? 'Leave empty to keep the one that is set' : 'At least 12 characters'} value={form.secret ?? ''} error={p?.about('secret')} onChange={(e) => set({ secret: e.currentTarget.value || undefined })} autoComplete="new-password" />
          </SimpleGrid>
          {list('ours', 'Our side', 'Patterns of our numbers, for example 2??, +4416149600* or *@pbx.example.com. Empty: extensions are ours.')}
          <Group align="flex-end" justify="space-between">
            <Checkbox label="Take encrypted sound only (SRTP, called by TLS)" checked={form.encrypted} onChange={(e) => set({ encrypted: e.currentTarget.checked })} />
            <NumberInput label="Calls at once" w={140} min={1} max={5000} value={form.max_calls} error={p?.about('max_calls')} onChange={(v) => set({ max_calls: Number(v) || 1 })} />
          </Group>
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          {p && p.faults.length > 0 && (
            <Alert color="red" variant="light" title="Not yet" icon={<Icon name="warn" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              {p.faults.map((f, i) => (
                <Text key={i} size="sm">{f.message}</Text>
              ))}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>{it ? 'Save' : 'Add'}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
