import { Alert, Button, Checkbox, Group, Radio, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import type { RedactionSettings } from '../../api/types';
import { count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { redactionSettings } from './queries';
import { kind } from './stretches';

export function RedactionPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(redactionSettings(customer));
  return (
    <Page title="Personal data in recordings" about="What is found in transcripts and sound once a recording is transcribed, and what is taken out of it without being asked.">
      <Answered query={query} rows={4}>{(data) => <Choice key={data.chosen_at ?? ''} customer={customer} now={data} />}</Answered>
    </Page>
  );
}

const periods = [
  { value: '0', label: 'Is destroyed at once' },
  { value: '7', label: 'Stays apart for a week' },
  { value: '30', label: 'Stays apart for 30 days' },
  { value: '90', label: 'Stays apart for 90 days' },
];

function Choice({ customer, now }: { customer: string; now: RedactionSettings }) {
  const client = useQueryClient();
  const [mode, setMode] = useState(now.mode);
  const [entities, setEntities] = useState<string[]>(now.entities ?? []);
  const [days, setDays] = useState(String(now.original_days));
  const [tone, setTone] = useState(now.tone);
  const [scan, setScan] = useState(now.scan);
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/redaction-settings', { params: { path: { customer } }, body: { mode, entities, original_days: Number(days), tone, scan } })),
    onSuccess: () => {
      toast('It is set what is found, and what is taken out.');
      return client.invalidateQueries({ queryKey: here(customer, 'redaction') });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const offered = periods.some((p) => p.value === days) ? periods : [...periods, { value: days, label: `Stays apart for ${count(Number(days), 'day')}` }];
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={680}>
          {now.chosen_at && <Text size="sm" c="dimmed">Set {now.chosen_by && `by ${now.chosen_by}`} on {moment(now.chosen_at)}.</Text>}
          <Radio.Group label="After a recording was transcribed" value={mode} onChange={(v) => setMode(v as RedactionSettings['mode'])}>
            <Stack gap={8} mt={8}>
              <Radio value="off" label="Nothing is looked for" />
              <Radio value="detect" label="Personal data are found and counted" description="Whoever redacts is shown where they are. Recordings with card data are marked, so that retention rules can use it." />
              <Radio value="redact" label="And the kinds below are taken out" description="Of the sound, of the transcript and of search." />
            </Stack>
          </Radio.Group>
          {mode === 'redact' && (
            <>
              <Checkbox.Group label="What is taken out" value={entities} onChange={setEntities}>
                <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="xs" mt={8}>
                  {now.known?.map((e) => <Checkbox key={e} value={e} label={kind(e)} />)}
                </SimpleGrid>
              </Checkbox.Group>
              <Group align="end">
                <Select label="The original" data={offered} value={days} onChange={(v) => v && setDays(v)} allowDeselect={false} />
                <Checkbox label="A tone in its place, instead of silence" checked={tone} onChange={(e) => setTone(e.currentTarget.checked)} mb={8} />
              </Group>
              <Alert color="yellow" variant="light" icon={<Icon name="warn" />} title="Detection is good, not perfect" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
                It finds what an engine heard. Words that were misheard stay, and sometimes something goes that was nobody’s. {days === '0' && 'With the original destroyed at once, that cannot be put right.'}
              </Alert>
            </>
          )}
          <Checkbox checked={scan} onChange={(e) => setScan(e.currentTarget.checked)} label="Look for payments that were recorded" description="Card numbers that are said, and numbers that are keyed in, show that pausing did not work. They are listed on the page Payments." />
          {save.error != null && <Failed error={save.error} />}
          <Group><Button type="submit" loading={save.isPending}>Save</Button></Group>
        </Stack>
      </form>
    </Card>
  );
}
