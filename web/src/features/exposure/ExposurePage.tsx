import { Group, List, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api, here, must } from '../../api/client';
import type { Reach } from '../../api/types';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';

const route = getRouteApi('/in/c/$customer/exposure');

/** ExposurePage says, without varnish, who could reach what, the host's operator included. */
export function ExposurePage() {
  const { customer } = route.useParams();
  const exposure = useQuery({
    queryKey: here(customer, 'exposure'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/exposure', { params: { path: { customer } } })),
  });
  return (
    <Page title="Who could reach what" about="Computed from the roles, grants and settings as they are now. It counts who could, not only who did: for that, see the change log.">
      <Answered query={exposure}>
        {(data) => (data.who.length === 0 ? <Empty icon="shield" title="Nobody" /> : <Stack gap="sm">{data.who.map((w) => <Party key={w.party} reach={w} />)}</Stack>)}
      </Answered>
    </Page>
  );
}

function Party({ reach }: { reach: Reach }) {
  return (
    <article className="card" style={{ padding: 16 }}>
      <Group justify="space-between" gap="sm">
        <Title order={2}>{reach.party}</Title>
        {reach.until && <Text size="sm" c="dimmed">Ends {moment(reach.until)}</Text>}
      </Group>
      {reach.how && <Text size="sm" c="dimmed" mt={2} maw={760}>{reach.how}</Text>}
      <SimpleGrid cols={{ base: 1, sm: 2 }} mt="sm">
        <Side title="Could" icon="eye" items={reach.can} none="Nothing" />
        <Side title="Could not" icon="lock" items={reach.cannot} none="No limit is set here" />
      </SimpleGrid>
    </article>
  );
}

function Side({ title, icon, items, none }: { title: string; icon: 'eye' | 'lock'; items: string[]; none: string }) {
  return (
    <div>
      <Group gap={6} mb={4} c="dimmed">
        <Icon name={icon} size={15} />
        <Text size="sm" fw={600}>{title}</Text>
      </Group>
      {items.length === 0 ? <Text size="sm" c="dimmed">{none}</Text> : <List size="sm" spacing={2}>{items.map((i) => <List.Item key={i}>{i}</List.Item>)}</List>}
    </div>
  );
}
