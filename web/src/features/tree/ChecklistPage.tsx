import { Button, Group, List, Stack, Text, ThemeIcon } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, must } from '../../api/client';
import type { Checklist } from '../../api/types';
import { ago, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { NodeHead } from './NodeHead';
import { useNodeMay } from './queries';

const route = getRouteApi('/in/n/$node/checklist');

export function ChecklistPage() {
  const { node } = route.useParams();
  const query = useQuery({
    queryKey: ['node', node, 'checklist'], refetchInterval: 10_000,
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/checklist', { params: { path: { node } } })),
  });
  return (
    <>
      <NodeHead node={node} page="Checklist" />
      <Page title="Checklist" about="Nobody ticks these: each is true because the system found it to be so.">
        <Answered query={query} rows={6}>
          {(data) => <Items node={node} list={data} />}
        </Answered>
      </Page>
    </>
  );
}

function Items({ node, list }: { node: string; list: Checklist }) {
  const client = useQueryClient();
  const may = useNodeMay(node);
  const done = (next: Checklist) => client.setQueryData(['node', node, 'checklist'], next);
  const mail = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/checklist/mail', { params: { path: { node } } })),
    onSuccess: (next) => {
      toast('A mail is on its way to you: follow its link.');
      done(next);
    },
  });
  const sign = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/checklist/signature', { params: { path: { node } } })),
    onSuccess: (next) => {
      toast('The checklist is signed.');
      done(next);
    },
  });
  return (
    <Card>
      <Stack>
        <List spacing="sm" center listStyleType="none" pl={0}>
          {list.items.map((i) => (
            <List.Item
              key={i.item}
              icon={
                <ThemeIcon size={24} radius="xl" variant="light" color={i.done ? 'green' : 'gray'} aria-hidden>
                  <Icon name={i.done ? 'check' : 'clock'} size={15} />
                </ThemeIcon>
              }
            >
              <Text size="sm"><span className="sr">{i.done ? 'Done: ' : 'Not yet: '}</span>{i.text}</Text>
            </List.Item>
          ))}
        </List>
        <Text size="sm" c="dimmed">
          {list.reported_at ? `The customer's part of the server told this ${ago(list.reported_at)}.` : "The customer's part of the server has told nothing yet."}
          {list.mail_sent_at && ` The last test mail was sent ${moment(list.mail_sent_at)}.`}
        </Text>
        {(mail.error ?? sign.error) != null && <Failed error={mail.error ?? sign.error} />}
        {list.signed_at ? (
          <Text size="sm" fw={550} className="positive">Signed by {list.signed_by} on {moment(list.signed_at)}.</Text>
        ) : (
          may('checklist.sign') && (
            <Group>
              <Button variant="default" loading={mail.isPending} onClick={() => mail.mutate()}>Send me a test mail</Button>
              <Button disabled={!list.complete} loading={sign.isPending} onClick={() => sign.mutate()}>Sign</Button>
              {!list.complete && <Text size="sm" c="dimmed">It can be signed once everything is found.</Text>}
            </Group>
          )
        )}
      </Stack>
    </Card>
  );
}
