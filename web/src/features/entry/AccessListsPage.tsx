import { Badge, Button, Group, Table, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { Confirm } from '../../ui/Confirm';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { toast } from '../../ui/toast';
import { RuleForm } from './RuleForm';
import { remove, root, rules, surfaces, type Rule, type Rules, type Surface, type Whose } from './rules';

export function CustomerAccessListsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  return <AccessLists whose={{ customer }} />;
}

export function NodeAccessListsPage() {
  const { node } = useParams({ strict: false });
  return <AccessLists whose={{ node: node! }} />;
}

function AccessLists({ whose }: { whose: Whose }) {
  const query = useQuery(rules(whose));
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Access lists"
      about="From which networks each way in is open. A way without a rule is open to all; with rules, only what one of them covers comes in. Whoever is refused sees what a missing page shows; the change log tells you."
      actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)} disabled={!query.data}>Add a rule</Button>}
    >
      <Answered query={query}>
        {(data) => (
          <>
            <Card title={`Your address is ${data.address || 'not known'}`}>
              <Text size="sm">It is what this server sees of you. A rule that would lock you out, now or when another one runs out, is refused.</Text>
            </Card>
            <Card title="Ways in" flush><Ways data={data} /></Card>
            <Card title="Rules" flush>
              {data.items.length === 0 ? <Empty icon="shield" title="No rules">Every way in is open to all networks.</Empty> : <List whose={whose} items={data.items} />}
            </Card>
            <Card title="Try an address" about="What the rules of this moment mean for somebody else."><Try whose={whose} /></Card>
            {adding && <RuleForm whose={whose} address={data.address} offered={data.surfaces.map((s) => s.surface)} onClose={() => setAdding(false)} />}
          </>
        )}
      </Answered>
    </Page>
  );
}

function Ways({ data }: { data: Rules }) {
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Way in</Table.Th>
          <Table.Th>Open to</Table.Th>
          <Table.Th>This address</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {data.surfaces.map((s) => (
          <Table.Tr key={s.surface}>
            <Table.Td>
              <Text fw={550} size="sm">{surfaces[s.surface]?.name ?? s.surface}</Text>
              <Text size="xs" c="dimmed">{surfaces[s.surface]?.about}</Text>
            </Table.Td>
            <Table.Td>{openTo(s, data.items)}</Table.Td>
            <Table.Td>
              <Badge color={s.admits ? 'teal' : 'red'} variant="light">{s.admits ? 'Comes in' : 'Refused'}</Badge>
              {s.admits && s.out_at && <Text size="xs" c="dimmed">until {moment(s.out_at)}</Text>}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function openTo(s: Surface, items: Rule[]): string {
  if (s.open) return 'All networks';
  const n = items.filter((r) => r.surface === s.surface).length;
  const networks = n === 1 ? 'One network' : `${n} networks`;
  return s.open_at ? `${networks}; to all from ${moment(s.open_at)}` : networks;
}

function List({ whose, items }: { whose: Whose; items: Rule[] }) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Rule | null>(null);
  const take = async () => {
    await remove(whose, gone!.id);
    toast('The rule was taken out.');
    await client.invalidateQueries({ queryKey: root(whose) });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={760}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Way in</Table.Th>
              <Table.Th>Network</Table.Th>
              <Table.Th>Why</Table.Th>
              <Table.Th>Answers for it</Table.Th>
              <Table.Th>Ends</Table.Th>
              <Table.Th><span className="sr">Take out</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((r) => (
              <Table.Tr key={r.id}>
                <Table.Td>{surfaces[r.surface]?.name ?? r.surface}</Table.Td>
                <Table.Td fw={550} className="num">{r.network}{r.covers_you && <Text size="xs" c="dimmed">covers you</Text>}</Table.Td>
                <Table.Td maw={260}>{r.reason}</Table.Td>
                <Table.Td>{r.owner}</Table.Td>
                <Table.Td>{r.until ? moment(r.until) : 'Not by itself'}</Table.Td>
                <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => setGone(r)} aria-label={`Take out ${r.network} of ${surfaces[r.surface]?.name ?? r.surface}`}>Take out</Button></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Take out ${gone?.network}?`} act="Take the rule out" opened={gone !== null} onClose={() => setGone(null)} onConfirm={take}>
        Who comes from there is refused from the next request on, unless another rule covers them. Without any rule, this way in is open to all networks.
      </Confirm>
    </>
  );
}

function Try({ whose }: { whose: Whose }) {
  const [text, setText] = useState('');
  const [address, setAddress] = useState<string>();
  const query = useQuery({ ...rules(whose, address), enabled: address !== undefined });
  const p = query.error instanceof Problem ? query.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setAddress(text.trim());
  };
  return (
    <>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <TextInput label="Address" placeholder="203.0.113.7" value={text} onChange={(e) => setText(e.currentTarget.value)} error={p ? (p.faults[0]?.message ?? p.message) : undefined} maxLength={60} />
          <Button type="submit" variant="default" disabled={text.trim() === ''} loading={query.isFetching}>Try</Button>
        </Group>
      </form>
      {query.data && <Ways data={query.data} />}
    </>
  );
}
