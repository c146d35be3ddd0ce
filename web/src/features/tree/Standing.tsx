import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { api, must } from '../../api/client';
import type { Node } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { toast } from '../../ui/toast';

/** Standing suspends a customer, or opens it again. */
export function Standing({ node: n }: { node: Node }) {
  const client = useQueryClient();
  const [asking, ask] = useDisclosure(false);
  const suspended = n.suspended_at !== null;
  const go = async (reason: string) => {
    const params = { path: { node: n.id } };
    if (suspended) await must(api.POST('/api/v1/nodes/{node}/resumption', { params, body: { reason } }));
    else await must(api.POST('/api/v1/nodes/{node}/suspension', { params, body: { reason } }));
    toast(suspended ? `${n.name} is open again.` : `${n.name} is suspended.`);
    await client.invalidateQueries({ queryKey: ['node'] });
  };
  return (
    <>
      <Button variant="default" onClick={ask.open}>{suspended ? 'Resume' : 'Suspend'}</Button>
      <Confirm
        opened={asking} onClose={ask.close} onConfirm={go} reason="Why? It stands in the customer's change log"
        title={suspended ? `Resume ${n.name}?` : `Suspend ${n.name}?`} act={suspended ? 'Resume' : 'Suspend'}
      >
        {suspended
          ? 'People and machines come in again, and capture goes on with what has waited.'
          : 'Nobody comes in, be it a person or a machine. Nothing new is captured or transcribed; files wait where they are. Nothing is deleted but what its retention ends.'}
      </Confirm>
    </>
  );
}
