import { Button, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { usePlace } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';
import { SessionList } from '../settings/SessionsPage';

/** EverybodyOutPage shows where those who work at a node are signed in, and ends all sessions there and below: for the day on which something has leaked. */
export function EverybodyOutPage() {
  const { node } = useParams({ from: '/in/n/$node/sessions' });
  const place = usePlace(node);
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const queryKey = ['node', node, 'sessions'];
  const query = useQuery({ queryKey, queryFn: () => must(api.GET('/api/v1/nodes/{node}/sessions', { params: { path: { node } } })) });
  const end = useMutation({
    mutationFn: (session: string) => must(api.DELETE('/api/v1/nodes/{node}/sessions/{session}', { params: { path: { node, session } } })),
    onSuccess: () => {
      toast('That session has ended.');
      return client.invalidateQueries({ queryKey });
    },
    onError: () => toast('The session could not be ended. Try again.', 'bad'),
  });
  const out = async () => {
    const { ended } = await must(api.POST('/api/v1/nodes/{node}/sessions/end', { params: { path: { node } } }));
    toast(`${ended} sessions have ended. Yours stays.`);
    await client.invalidateQueries({ queryKey });
  };
  return (
    <Page title="Sessions" about={`Of ${place?.name ?? 'this node'} and all below it.`}>
      <Card title="Who works here" about="Where they are signed in. Those of customers are for the customers’ own administrators." flush>
        <Answered query={query} rows={3}>
          {(data) => (data.items.length === 0 ? <Empty icon="people" title="Nobody is signed in" /> : <SessionList items={data.items} end={end.mutate} busy={end.isPending ? end.variables : undefined} />)}
        </Answered>
      </Card>
      <Card title="Sign everybody out" about="Every session and every remembered browser of everybody here, of your resellers and of all their customers ends at once. Open pages close within a second. Machines with tokens go on.">
        <Text size="sm" mb="md">Use it when passwords or sessions may have leaked. Everybody can sign in again at once.</Text>
        <Button color="red" onClick={() => setAsked(true)}>Sign everybody out</Button>
      </Card>
      <Confirm title="Sign everybody out?" act="Sign everybody out" opened={asked} onClose={() => setAsked(false)} onConfirm={out}>
        Everybody at {place?.name} and below has to sign in again, also in the middle of a call. Only this session of yours stays.
      </Confirm>
    </Page>
  );
}
