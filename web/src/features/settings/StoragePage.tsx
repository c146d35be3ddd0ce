import { Alert, Button, Checkbox, Group, Progress, Radio, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import type { Storage } from '../../api/types';
import { bytes, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { storage } from './queries';

export function StoragePage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery({ ...storage(customer), refetchInterval: (q) => ((q.state.data?.waiting ?? 0) > 0 ? 5000 : false) });
  return (
    <Page title="Storage" about="Whether sound is also kept in Opus: smaller, and quick to play over a slow line. Each Opus form is read back and compared with what was captured before it counts.">
      <Answered query={query} rows={4}>
        {(data) => (
          <Stack>
            {(data.opus || data.made > 0) && <Progressing now={data} />}
            <Choice key={data.chosen_at ?? ''} customer={customer} now={data} />
          </Stack>
        )}
      </Answered>
    </Page>
  );
}

/** Progressing shows how far it has come and what it saves. */
function Progressing({ now }: { now: Storage }) {
  const done = now.made + now.same + now.failed;
  const all = done + now.waiting;
  const share = all === 0 ? 100 : Math.floor((100 * done) / all);
  const kept = now.before_bytes > 0 ? Math.round((100 * now.after_bytes) / now.before_bytes) : 0;
  const figures: [string, string][] = [
    ['In Opus', count(now.made, 'recording')],
    ['Of them without their original', count(now.dropped, 'recording')],
    ['Left as captured, being small', count(now.same, 'recording')],
    ['Could not be made smaller', count(now.failed, 'recording')],
  ];
  return (
    <Card>
      <Stack gap="sm">
        <Text fw={600}>{all === 0 ? 'Nothing has come in yet' : now.waiting === 0 ? 'Everything has had its turn' : `${count(now.waiting, 'recording')} to go`}</Text>
        <Progress value={share} aria-label={`${share} % of the recordings have had their turn`} />
        {now.before_bytes > 0 && (
          <Text size="sm">
            {bytes(now.before_bytes)} of captured sound take {bytes(now.after_bytes)} in Opus, {kept} % of it.{' '}
            {now.saved_bytes >= 0 ? `${bytes(now.saved_bytes)} are saved.` : `While both are kept, ${bytes(-now.saved_bytes)} more are stored.`}
          </Text>
        )}
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
          {figures.map(([label, value]) => (
            <Group key={label} justify="space-between" gap="xs">
              <Text size="sm" c="dimmed">{label}</Text>
              <Text size="sm">{value}</Text>
            </Group>
          ))}
        </SimpleGrid>
      </Stack>
    </Card>
  );
}

const rates = [
  { value: '16', label: '16 kbit/s: smallest, speech stays clear' },
  { value: '24', label: '24 kbit/s: usual' },
  { value: '32', label: '32 kbit/s: for wideband calls' },
  { value: '48', label: '48 kbit/s: nothing to be heard of it' },
];

function Choice({ customer, now }: { customer: string; now: Storage }) {
  const client = useQueryClient();
  const [opus, setOpus] = useState(now.opus);
  const [originals, setOriginals] = useState<'kept' | 'dropped'>(now.originals as 'kept' | 'dropped');
  const [kbit, setKbit] = useState(String(now.kbit));
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/storage', { params: { path: { customer } }, body: { opus, originals: opus ? originals : 'kept', kbit: Number(kbit) } })),
    onSuccess: () => {
      toast('It is set how sound is stored.');
      return client.invalidateQueries({ queryKey: here(customer, 'storage') });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const offered = rates.some((r) => r.value === kbit) ? rates : [...rates, { value: kbit, label: `${kbit} kbit/s` }];
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={600}>
          {now.chosen_at && <Text size="sm" c="dimmed">Set {now.chosen_by && `by ${now.chosen_by}`} on {moment(now.chosen_at)}.</Text>}
          <Checkbox checked={opus} onChange={(e) => setOpus(e.currentTarget.checked)} label="Make an Opus form of each recording" description="Recordings that are here already follow, one after the other, behind everything else." />
          {opus && (
            <>
              <Select label="Quality, for each party" data={offered} value={kbit} onChange={(v) => v && setKbit(v)} allowDeselect={false} />
              <Radio.Group label="What was captured" value={originals} onChange={(v) => setOriginals(v as 'kept' | 'dropped')}>
                <Stack gap={8} mt={8}>
                  <Radio value="kept" label="Is kept beside it" description="For playing only: nothing is saved, the original stays the evidence." />
                  <Radio value="dropped" label="Goes once the Opus form was checked" description="Telephone sound shrinks to about a third." />
                </Stack>
              </Radio.Group>
            </>
          )}
          {opus && originals === 'dropped' && now.originals !== 'dropped' && (
            <Alert color="yellow" variant="light" icon={<Icon name="warn" />} title="What goes does not come back" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              The bytes that the telephone system wrote are removed from the archive. If you have to show them unchanged, in court or to a regulator, keep them.
            </Alert>
          )}
          {save.error != null && <Failed error={save.error} />}
          <Group>
            <Button type="submit" loading={save.isPending}>Save</Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
