import { Button, Group, Progress, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { bytes, moment } from '../../ui/format';
import { Failed } from '../../ui/States';

/** PackProgress shows a pack being made, and hands it out once it is. */
export function PackProgress({ customer, id }: { customer: string; id: string }) {
  const [error, setError] = useState<unknown>(null);
  const query = useQuery({
    queryKey: here(customer, 'exports', id),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/exports/{export}', { params: { path: { customer, export: id } } })),
    refetchInterval: (q) => (q.state.data?.state === 'making' ? 1500 : false),
  });
  const take = async () => {
    setError(null);
    try {
      const opening = await must(api.POST('/api/v1/customers/{customer}/exports/{export}/openings', { params: { path: { customer, export: id } } }));
      window.location.assign(opening.download_url);
    } catch (e) {
      setError(e);
    }
  };
  const e = query.data;
  if (query.error) return <Failed error={query.error} />;
  if (!e) return <Text size="sm" role="status">It is being made.</Text>;
  return (
    <>
      {e.state === 'making' && <><Text size="sm" role="status">It is being made{e.total > 0 ? `: ${e.done} of ${e.total}` : ''}.</Text><Progress w={260} value={e.total > 0 ? (100 * e.done) / e.total : 5} aria-label="How far the making has come" /></>}
      {e.state === 'failed' && <Text size="sm" role="alert">It could not be made: {e.reason}</Text>}
      {e.state === 'ended' && <Text size="sm">Its time is over, and it was destroyed. Put it together again if it is needed.</Text>}
      {e.state === 'ready' && <Group><Button onClick={() => void take()}>Take it ({bytes(e.bytes)})</Button><Text size="sm" c="dimmed">until {moment(e.until)}, then it is destroyed</Text></Group>}
      {error !== null && <Failed error={error} />}
    </>
  );
}
