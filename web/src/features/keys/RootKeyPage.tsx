import { Badge, Button, Code, List, Table, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { Confirm } from '../../ui/Confirm';
import { ago, count, exact, moment } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { toast } from '../../ui/toast';
import { NodeHead } from '../tree/NodeHead';
import { Fact, Facts, History, Rhythm, Running } from './parts';
import { rootKeyHistory, rootKeyOf, type RootKey } from './queries';

const route = getRouteApi('/in/n/$node/keys');

/** RootKeyPage is the key above all customers' keys: how old it is, and how it is rotated. */
export function RootKeyPage() {
  const { node } = route.useParams();
  const client = useQueryClient();
  const root = useQuery(rootKeyOf(node));
  const history = useQuery(rootKeyHistory(node));
  const [asking, setAsking] = useState<'rotation' | 'retire' | 'all' | null>(null);
  const at = { params: { path: { node } } };
  const again = () => client.invalidateQueries({ queryKey: ['node', node, 'root-key'] });
  const rotate = async () => {
    await must(api.POST('/api/v1/nodes/{node}/root-key/rotation', at));
    toast('The next root key is taking over.');
    await again();
  };
  const retire = async () => {
    await must(api.POST('/api/v1/nodes/{node}/root-key/retire', at));
    toast('The file of the former root key is gone from this server.');
    await again();
  };
  const all = async () => {
    const { customers } = await must(api.POST('/api/v1/nodes/{node}/keys/rotation', at));
    toast(`The keys of ${count(customers, 'customer')} are being rotated.`);
  };
  return (
    <>
      <NodeHead node={node} page="Keys" />
      <Page
        title="Keys" about="One root key is above the keys of all customers. It lies in a file of each server and on paper, and never in a backup."
        actions={<Button variant="default" onClick={() => setAsking('all')}>Rotate all customers' keys</Button>}
      >
        <Answered query={root} rows={6}>
          {(r) => (
            <>
              {r.running && <Running of={r.running} />}
              <State r={r} />
              <Steps r={r} onRotate={() => setAsking('rotation')} onRetire={() => setAsking('retire')} />
              <Card title="Reminder">
                <Rhythm
                  key={r.months} months={r.months} due={r.due_at} may
                  onSave={async (months) => {
                    await must(api.PUT('/api/v1/nodes/{node}/root-key/rhythm', { ...at, body: { months } }));
                    await again();
                  }}
                />
              </Card>
            </>
          )}
        </Answered>
        <History query={history} counts="Key stores" />
      </Page>
      <Confirm title="Take up the next root key?" act="Take it up" opened={asking === 'rotation'} onClose={() => setAsking(null)} onConfirm={rotate}>
        Everything that is under the present root key is put under the next one. Nothing stops. The present one is kept beside it as the former, until you retire it.
      </Confirm>
      <Confirm title="Retire the former root key?" act="Remove its file" opened={asking === 'retire'} onClose={() => setAsking(null)} onConfirm={retire}>
        Nothing here needs it any more. Keep its printed copy until the last backup of keys from its time has run out: only with it can such a backup be restored.
      </Confirm>
      <Confirm title="Rotate the keys of all customers?" act="Rotate them" opened={asking === 'all'} onClose={() => setAsking(null)} onConfirm={all}>
        Each customer gets a new key, one after another, while everything goes on. Where a customer holds their own key, their server is asked.
      </Confirm>
    </>
  );
}

function State({ r }: { r: RootKey }) {
  return (
    <Card title="The root key">
      <Facts>
        <Fact name="In use"><Code>{r.name}</Code></Fact>
        <Fact name="Since"><span title={exact(r.made_at)}>{moment(r.made_at)}</span> · {r.age_days === 0 ? 'today' : `${count(r.age_days, 'day')} ago`}</Fact>
        <Fact name="Wrapped keys">{r.copies === 1 ? 'One place only' : `${r.copies} places`}</Fact>
        <Fact name="Needed now">{r.needed.map((n) => <Text key={n.name} size="sm"><Code>{n.name}</Code> by {n.stores} key stores</Text>)}</Fact>
        <Fact name="Next">{r.next ? <Code>{r.next}</Code> : 'none waits'}</Fact>
        <Fact name="Former">{r.former ? <Code>{r.former}</Code> : 'none is kept'}</Fact>
      </Facts>
      {r.machines.length > 0 && (
        <Table.ScrollContainer minWidth={420}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Server</Table.Th>
                <Table.Th>Seen</Table.Th>
                <Table.Th>Root keys</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {r.machines.map((m) => (
                <Table.Tr key={m.name}>
                  <Table.Td>{m.name}</Table.Td>
                  <Table.Td title={exact(m.at)}>{ago(m.at)}</Table.Td>
                  <Table.Td>
                    <Badge color={m.current ? 'teal' : 'red'} mr={6}>{m.current ? 'has the present one' : 'lacks the present one'}</Badge>
                    {r.next && <Badge color={m.next ? 'teal' : 'orange'}>{m.next ? 'has the next one' : 'lacks the next one'}</Badge>}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  );
}

function Steps({ r, onRotate, onRetire }: { r: RootKey; onRotate: () => void; onRetire: () => void }) {
  const stale = r.former !== '' && r.needed.every((n) => n.name !== r.former) && !r.running;
  return (
    <Card title="To rotate it">
      <List type="ordered" size="sm" spacing="xs">
        <List.Item>On the server run <Code>ringfence keys rotate root</Code>. It makes the next root key, prints its recovery copy and has it read back.</List.Item>
        <List.Item>With several servers, copy the file that it names to each of them.</List.Item>
        <List.Item>Take it up here. <Button size="compact-sm" ml="xs" disabled={!r.next || !!r.running} onClick={onRotate}>Take up the next root key</Button></List.Item>
        <List.Item>When everything is under it, retire the former. <Button size="compact-sm" ml="xs" variant="default" disabled={!stale} onClick={onRetire}>Retire the former</Button></List.Item>
      </List>
    </Card>
  );
}
