import { Alert, Badge, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../api/client';
import type { Export } from '../api/types';
import { bytes, exact, moment } from './format';
import { Icon } from './Icon';
import { Failed } from './States';

/** ExportProgress follows one export from its making to the download. */
export function ExportProgress({ customer, id }: { customer: string; id: string }) {
  const query = useQuery({
    queryKey: here(customer, 'exports', id),
    queryFn: ({ signal }) => must(api.GET('/api/v1/customers/{customer}/exports/{export}', { params: { path: { customer, export: id } }, signal })),
    refetchInterval: (q) => (q.state.data?.state === 'making' || !q.state.data ? 1000 : false),
  });
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return query.data ? <ExportLine customer={customer} of={query.data} /> : <Progress value={0} animated aria-label="Making the export" />;
}

/** ExportLine is how one export stands, with what can be done with it. */
export function ExportLine({ customer, of: e }: { customer: string; of: Export }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const at = { params: { path: { customer, export: e.id } } };
  const again = () => client.invalidateQueries({ queryKey: here(customer, 'exports') });
  const take = async () => {
    setBusy(true);
    setError(null);
    try {
      const o = await must(api.POST('/api/v1/customers/{customer}/exports/{export}/openings', at));
      Object.assign(document.createElement('a'), { href: o.download_url, download: '' }).click();
    } catch (x) {
      setError(x);
    }
    setBusy(false);
  };
  const remove = async () => {
    setError(null);
    try {
      await must(api.DELETE('/api/v1/customers/{customer}/exports/{export}', at));
    } catch (x) {
      setError(x);
    }
    await again();
  };
  return (
    <Stack gap={6} role="status">
      <Group justify="space-between" wrap="nowrap">
        <div>
          <Text fw={550} style={{ overflowWrap: 'anywhere' }}>{e.name || 'An export that is gone'}</Text>
          <Text size="xs" c="dimmed" title={exact(e.asked_at)}>
            Asked for {moment(e.asked_at)}
            {e.state === 'ready' && `, ${bytes(e.bytes)}, can be taken until ${moment(e.until)}`}
          </Text>
        </div>
        <Group gap="xs" wrap="nowrap">
          {e.state === 'ready' && <Button size="compact-sm" leftSection={<Icon name="download" size={14} />} loading={busy} onClick={() => void take()}>Download</Button>}
          {e.state === 'ended' && <Badge color="gray">Destroyed</Badge>}
          {e.state !== 'ended' && <Button size="compact-sm" variant="default" onClick={() => void remove()} aria-label={`Remove ${e.name}`}>Remove</Button>}
        </Group>
      </Group>
      {e.state === 'making' && <Progress value={e.total ? (100 * e.done) / e.total : 5} animated aria-label={`Making ${e.name}`} />}
      {e.state === 'failed' && <Alert color="red" variant="light" icon={<Icon name="warn" />}>{e.reason || 'It could not be made.'}</Alert>}
      {error !== null && <Failed error={error} />}
    </Stack>
  );
}
