import { Alert, Anchor, Badge, Button, Group, List, Menu, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { advice, Problem } from '../../api/errors';
import { useMay } from '../../api/me';
import { count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { toast } from '../../ui/toast';
import { ends, preview, saysWhen, tags, withdraw, type Policy, type Preview, type Rule, type Rules, type Set } from './data';
import { Effect } from './Effect';
import { RuleForm, WhenForm } from './RuleForm';

/** RulesCard is the policy as a draft: what is changed here is looked at as a whole before it is saved. */
export function RulesCard({ customer, data }: { customer: string; data: Rules }) {
  const client = useQueryClient();
  const may = useMay(customer)('retention.set');
  const named = useQuery(tags(customer)).data?.items ?? [];
  const [draft, setDraft] = useState<Policy>(data.policy);
  const [editing, setEditing] = useState<number | 'new' | 'default' | null>(null);
  const [setting, setSetting] = useState<string | null>(null); // the set whose recordings are chosen
  const [seen, setSeen] = useState<Preview | null>(null);
  const changed = JSON.stringify(draft) !== JSON.stringify(data.policy);
  const fresh = () => client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
  const look = useMutation({ mutationFn: () => preview(customer, draft), onSuccess: setSeen });
  const back = useMutation({ mutationFn: () => withdraw(customer), onSuccess: fresh });
  const fault = look.error instanceof Problem ? look.error : null;
  const put = (r: Rule) => {
    if (editing === 'default') setDraft({ ...draft, default: { days: r.days, then: r.then, text_days: r.text_days } });
    else setDraft({ ...draft, rules: editing === 'new' ? [...draft.rules, r] : draft.rules.map((old, i) => (i === editing ? r : old)) });
    setEditing(null);
  };
  const apply = (set: Set) =>
    setDraft({ ...draft, sets: [...draft.sets.filter((s) => s.set !== set.name), { set: set.name, when: {} }], default: draft.default.days !== 0 && draft.default.days < set.least_days || (draft.default.days === 0 && !set.endless) ? { days: set.days, then: 'delete-all' } : draft.default });
  return (
    <Stack>
      {data.pending && (
        <Alert color="yellow" variant="light" icon={<Icon name="clock" />} title={`Shorter rules wait until ${moment(data.pending.from)}`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          <Text size="sm">
            {data.pending.asked_by} asked on {moment(data.pending.asked_at)}: “{data.pending.reason}” That night {count(data.pending.count, 'recording')} would have gone. A second person can agree at once under{' '}
            <Anchor component={Link} to={`/c/${customer}/approvals`} inherit underline="always">Second person</Anchor>.
          </Text>
          <List size="sm" mt="xs" aria-label="Rules that wait">
            {data.pending.policy.rules.map((r) => <List.Item key={r.id}>{r.name}: {saysWhen(r.when, named)}. {ends(r)}.</List.Item>)}
            <List.Item>Default: {ends(data.pending.policy.default)}.</List.Item>
            {data.pending.policy.sets.map((s) => <List.Item key={s.set}>{data.sets.find((x) => x.name === s.set)?.title ?? s.set}: {saysWhen(s.when, named)}.</List.Item>)}
          </List>
          {may && <Button mt="xs" size="xs" variant="default" loading={back.isPending} onClick={() => back.mutate()}>Take it back</Button>}
        </Alert>
      )}
      <Card flush title="Rules" about="The most specific rule that fits a recording counts: the one with more conditions, then what it asks for (mark, label, extension, queue, outcome, direction, language, length), then the longer period."
        actions={may && (
          <Group gap="xs">
            <Menu>
              <Menu.Target><Button variant="default">Ready-made</Button></Menu.Target>
              <Menu.Dropdown>{data.sets.map((s) => <Menu.Item key={s.name} onClick={() => apply(s)}>{s.title}<Text size="xs" c="dimmed">{s.source}</Text></Menu.Item>)}</Menu.Dropdown>
            </Menu>
            <Button variant="default" leftSection={<Icon name="plus" size={16} />} onClick={() => setEditing('new')}>Add a rule</Button>
          </Group>
        )}
      >
        <Table.ScrollContainer minWidth={620}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>Rule</Table.Th><Table.Th>For</Table.Th><Table.Th>What happens</Table.Th><Table.Th><span className="sr">Acts</span></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {draft.rules.map((r, i) => (
                <Table.Tr key={r.id || `${i} ${r.name}`}>
                  <Table.Td><Text size="sm" fw={550}>{r.name}</Text>{wrong(fault, `rules[${i}]`)}</Table.Td>
                  <Table.Td>{saysWhen(r.when, named)}</Table.Td>
                  <Table.Td>{ends(r)}</Table.Td>
                  <Table.Td ta="right">{may && (
                    <Group gap={6} justify="flex-end" wrap="nowrap">
                      <Button size="compact-sm" variant="default" onClick={() => setEditing(i)} aria-label={`Change: ${r.name}`}>Change</Button>
                      <Button size="compact-sm" variant="default" onClick={() => setDraft({ ...draft, rules: draft.rules.filter((_, j) => j !== i) })} aria-label={`Remove: ${r.name}`}>Remove</Button>
                    </Group>
                  )}</Table.Td>
                </Table.Tr>
              ))}
              <Table.Tr>
                <Table.Td><Text size="sm" fw={550}>Default</Text>{wrong(fault, 'default')}</Table.Td>
                <Table.Td>where no rule fits</Table.Td>
                <Table.Td>{ends(draft.default)}</Table.Td>
                <Table.Td ta="right">{may && <Button size="compact-sm" variant="default" onClick={() => setEditing('default')} aria-label="Change: Default">Change</Button>}</Table.Td>
              </Table.Tr>
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {draft.sets.length > 0 && (
          <Group p="md" gap="xs">
            <Text size="sm" c="dimmed">Applied:</Text>
            {draft.sets.map((s) => {
              const set = data.sets.find((x) => x.name === s.set);
              return <Badge key={s.set} variant="light" color="pine" tt="none" title={set?.source}>{set?.title ?? s.set} · {may ? <button type="button" className="plain" title="Choose which recordings" aria-label={`${saysWhen(s.when, named)}: choose the recordings of ${set?.title}`} onClick={() => setSetting(s.set)}>{saysWhen(s.when, named)}</button> : saysWhen(s.when, named)}{may && <button type="button" className="plain" aria-label={`Take off: ${set?.title}`} onClick={() => setDraft({ ...draft, sets: draft.sets.filter((x) => x !== s) })}> ×</button>}</Badge>;
            })}
          </Group>
        )}
      </Card>
      {look.error != null && (
        <Alert color="red" variant="light" role="alert" title="These rules cannot be saved" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          {fault?.faults.length ? fault.faults.map((f) => <Text size="sm" key={`${f.location} ${f.message}`}>{f.message}</Text>) : advice(look.error).text}
        </Alert>
      )}
      {may && (
        <Group>
          <Button disabled={!changed} loading={look.isPending} onClick={() => look.mutate()}>See what it would do</Button>
          {changed && <Button variant="default" onClick={() => setDraft(data.policy)}>Undo my changes</Button>}
        </Group>
      )}
      {editing !== null && (
        <RuleForm customer={customer} standard={editing === 'default'} onClose={() => setEditing(null)} onDone={put}
          rule={editing === 'new' ? undefined : editing === 'default' ? { name: '', when: {}, ...draft.default } : draft.rules[editing]}
        />
      )}
      {setting !== null && (
        <WhenForm customer={customer} title={data.sets.find((x) => x.name === setting)?.title ?? setting} when={draft.sets.find((x) => x.set === setting)?.when ?? {}} onClose={() => setSetting(null)}
          onDone={(when) => { setDraft({ ...draft, sets: draft.sets.map((x) => (x.set === setting ? { ...x, when } : x)) }); setSetting(null); }}
        />
      )}
      {seen && (
        <Effect customer={customer} policy={draft} version={data.version} preview={seen} onClose={() => setSeen(null)} onSaved={async (pending, destroyed) => {
          toast(pending ? 'Asked for: it waits a week, or for a second person.' : `The rules are in force.${destroyed ? ` ${count(destroyed, 'recording')} that rules destroyed before do not come back.` : ''}`);
          setSeen(null);
          await fresh();
        }} />
      )}
    </Stack>
  );
}

function wrong(p: Problem | null, path: string) {
  const at = (f: { location?: string }) => f.location?.replace(/^body\.(policy\.)?/, '') ?? '';
  const about = p?.faults.filter((f) => at(f) === path || at(f).startsWith(`${path}.`)) ?? [];
  return about.map((f) => <Text key={at(f)} size="xs" c="red.8">{f.message}</Text>);
}
