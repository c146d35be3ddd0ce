import { Button, Group, Menu, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import type { Node } from '../../api/types';
import { bytes } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { CreateNode } from './CreateNode';
import { InviteFirst } from './InviteFirst';
import { NodeHead } from './NodeHead';
import { NodeTable } from './NodeTable';
import { nodeOf, useNodeMay } from './queries';
import { Rename } from './Rename';
import { Standing } from './Standing';

const route = getRouteApi('/in/n/$node');

/** ChildrenPage is one node: its figures, what can be done with it, and the nodes below. */
export function ChildrenPage() {
  const { node } = route.useParams();
  const one = useQuery(nodeOf(node));
  return (
    <Answered query={one}>
      {(n) => (
        <>
          <NodeHead node={node} />
          <Node key={node} node={n} />
        </>
      )}
    </Answered>
  );
}

function Node({ node: n }: { node: Node }) {
  const may = useNodeMay(n.id);
  const [adding, add] = useDisclosure(false);
  const [renaming, rename] = useDisclosure(false);
  const [inviting, invite] = useDisclosure(false);
  const holds = n.kind !== 'customer';
  return (
    <Page
      title={n.name}
      about="Figures without content: no role at this level reaches a customer's recordings, transcripts or names."
      actions={
        <Group gap="xs">
          {n.kind === 'customer' && may('customer.suspend') && <Standing node={n} />}
          {may('node.manage') && (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" rightSection={<Icon name="down" size={14} />}>More</Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={rename.open}>Rename</Menu.Item>
                {n.kind === 'customer' && <Menu.Item onClick={invite.open}>Invite the administrator again</Menu.Item>}
              </Menu.Dropdown>
            </Menu>
          )}
          {holds && may('node.manage') && <Button leftSection={<Icon name="plus" size={16} />} onClick={add.open}>Add</Button>}
        </Group>
      }
    >
      <Figures node={n} />
      {holds && <Below node={n} />}
      <CreateNode node={n.id} opened={adding} onClose={add.close} />
      <InviteFirst node={n} opened={inviting} onClose={invite.close} />
      <Rename node={n} opened={renaming} onClose={rename.close} />
    </Page>
  );
}

function Figures({ node: n }: { node: Node }) {
  const trouble = n.health.attention + n.health.failed_jobs + n.health.failing_sources + n.health.silent;
  const figures: [string, string][] = [
    ['Recordings', n.usage.recordings.toLocaleString('en-GB')],
    ['Stored', bytes(n.usage.bytes)],
    ['Minutes captured this month', n.usage.month_minutes.toLocaleString('en-GB', { maximumFractionDigits: 0 })],
    ['People', n.usage.seats.toLocaleString('en-GB')],
    ['Things that need attention', trouble.toLocaleString('en-GB')],
  ];
  return (
    <SimpleGrid cols={{ base: 2, md: 5 }} mb="md">
      {figures.map(([label, value]) => (
        <div key={label} className="card" style={{ padding: '12px 16px' }}>
          <Text size="sm" c="dimmed">{label}</Text>
          <Text fz={24} fw={600} className="num">{value}</Text>
        </div>
      ))}
    </SimpleGrid>
  );
}

function Below({ node: n }: { node: Node }) {
  const [typed, setTyped] = useState('');
  const [words] = useDebouncedValue(typed.trim(), 250);
  const list = useInfiniteQuery({
    queryKey: ['node', n.id, 'children', words],
    queryFn: ({ pageParam }) =>
      must(api.GET('/api/v1/nodes/{node}/children', { params: { path: { node: n.id }, query: { q: words || undefined, cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
  return (
    <Stack gap="sm">
      <TextInput
        label="Find by name" description="Everything below, at any depth" value={typed} onChange={(e) => setTyped(e.currentTarget.value)} maw={420} maxLength={100}
        leftSection={<Icon name="search" size={16} />} type="search"
      />
      <Answered query={list}>
        {(data) => {
          const items = data.pages.flatMap((p) => p.items);
          if (items.length === 0) {
            return (
              <div className="card">
                {words ? <Empty icon="search" title="Nothing found">No name below holds “{words}”.</Empty> : <Empty icon="tree" title="Nobody yet">Add a reseller or a customer: its administrator gets a mail with a link to set a password.</Empty>}
              </div>
            );
          }
          return (
            <>
              <NodeTable items={items} expands={!words} />
              {list.hasNextPage && (
                <Group justify="center">
                  <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button>
                </Group>
              )}
            </>
          );
        }}
      </Answered>
    </Stack>
  );
}
