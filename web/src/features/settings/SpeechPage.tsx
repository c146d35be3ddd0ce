import { Alert, Button, Group, PasswordInput, Radio, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem, sentence } from '../../api/errors';
import type { Speech } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { speech } from './queries';

type Engine = Speech['engine'];

const engines: { value: Engine; label: string; about: string }[] = [
  { value: 'none', label: 'None', about: 'Nothing is transcribed; searching for words finds nothing.' },
  { value: 'builtin', label: 'Built-in', about: 'Runs on this host, nothing leaves it. English, draft quality: good for finding, not for quoting.' },
  { value: 'openai', label: 'A server that speaks the OpenAI interface', about: 'Your own Whisper server, or a service. Word times where the server gives them.' },
  { value: 'azure', label: 'Azure fast transcription', about: 'Microsoft’s service, in the region of your resource.' },
];

export function SpeechPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(speech(customer));
  return (
    <Page title="Speech engine" about="What turns sound into text. Each request that leaves the host stands in the ledger “What left the host”.">
      <Answered query={query} rows={4}>
        {(data) => (
          <>
            <Check speech={data} />
            <Settings key={JSON.stringify(data)} customer={customer} now={data} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Check({ speech: s }: { speech: Speech }) {
  if (s.engine === 'none' && !s.check.text) return null;
  return (
    <Alert color={s.check.ok ? 'green' : 'yellow'} variant="light" mb="md" icon={<Icon name={s.check.ok ? 'check' : 'warn'} />} title={s.check.ok ? 'The engine is ready' : 'The engine cannot be used yet'} styles={{ message: { color: 'var(--mantine-color-text)' }, title: { color: s.check.ok ? 'var(--rf-positive)' : 'var(--rf-agent)' } }}>
      {sentence(s.check.text)}
    </Alert>
  );
}

function Settings({ customer, now }: { customer: string; now: Speech }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ engine: now.engine, url: now.url, model: now.model, language: now.language, purpose: now.purpose, region: now.region, key: '' });
  const save = useMutation({
    mutationFn: () => {
      const { key, ...rest } = form;
      return must(api.PUT('/api/v1/customers/{customer}/speech', { params: { path: { customer } }, body: key ? { ...rest, key } : rest }));
    },
    onSuccess: (data) => {
      toast(data.check.ok ? 'Saved. The engine is ready.' : 'Saved. See above what is still missing.', data.check.ok ? 'good' : 'bad');
      client.setQueryData(here(customer, 'speech'), data);
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const field = (name: 'url' | 'model' | 'language' | 'region', label: string, description: string, more?: object) => (
    <TextInput label={label} description={description} value={form[name]} error={p?.about(name)} onChange={(e) => set({ [name]: e.currentTarget.value })} {...more} />
  );
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const outside = form.engine === 'openai' || form.engine === 'azure';
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={600}>
          <Radio.Group label="Engine" value={form.engine} onChange={(v) => set({ engine: v as Engine })}>
            <Stack gap={10} mt={8}>
              {engines.map((e) => (
                <Radio key={e.value} value={e.value} label={e.label} description={e.about} />
              ))}
            </Stack>
          </Radio.Group>
          {form.engine !== 'none' && field('language', 'Language', 'A tag such as en-GB, used where a source or queue names none. Other languages are not transcribed, never guessed.', { maxLength: 35 })}
          {outside && (
            <>
              {field('url', 'Address', form.engine === 'azure' ? 'Endpoint of your Speech resource, https://…' : 'Base address of the server, https://…/v1', { type: 'url', required: true })}
              {form.engine === 'openai' && field('model', 'Model', 'As the server names it')}
              <PasswordInput label="Key" description={now.key_set ? 'A key is stored and never shown. Leave empty to keep it.' : 'Stored sealed, and never shown again.'} autoComplete="off" value={form.key} error={p?.about('key')} onChange={(e) => set({ key: e.currentTarget.value })} visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }} />
              <Text size="sm" c="dimmed">
                This engine hears your callers outside this host. It stays off until you have recorded why and where; both stand in the change log.
              </Text>
              <Textarea label="Purpose" description="Why the sound may leave the host" value={form.purpose} error={p?.about('purpose')} onChange={(e) => set({ purpose: e.currentTarget.value })} autosize minRows={2} maxLength={500} />
              {field('region', 'Region', 'Where the sound is processed, for example “UK South” or “own data centre, Leeds”', { maxLength: 100 })}
            </>
          )}
          {save.error != null && !p?.faults.length && <Failed error={save.error} />}
          <Group>
            <Button type="submit" loading={save.isPending}>Save and check</Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
