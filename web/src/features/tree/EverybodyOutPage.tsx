import { Button, Text } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { usePlace } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { Card, Page } from '../../ui/Page';
import { toast } from '../../ui/toast';

/** EverybodyOutPage ends all sessions at a node and below it: for the day on which something has leaked. */
export function EverybodyOutPage() {
  const { node } = useParams({ from: '/in/n/$node/sessions' });
  const place = usePlace(node);
  const [asked, setAsked] = useState(false);
  const out = async () => {
    const { ended } = await must(api.POST('/api/v1/nodes/{node}/sessions/end', { params: { path: { node } } }));
    toast(`${ended} sessions have ended. Yours stays.`);
  };
  return (
    <Page title="Sessions" about={`Of ${place?.name ?? 'this node'} and all below it.`}>
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
