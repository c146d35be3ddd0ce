import { Badge, Button, Group, Select, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useMay } from '../../api/me';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { keyOf, list, open, pageOf, paper, setRule, type Review, type Rule, type Whose } from './data';

export function ReviewsPage() {
  const { customer } = useParams({ strict: false });
  return <Reviews whose={{ customer: customer! }} />;
}

export function NodeReviewsPage() {
  const { node } = useParams({ strict: false });
  return <Reviews whose={{ node: node! }} />;
}

function Reviews({ whose }: { whose: Whose }) {
  const query = useQuery(list(whose));
  const may = useMay('customer' in whose ? whose.customer : whose.node);
  const deciding = 'node' in whose || may('review.decide');
  const client = useQueryClient();
  const navigate = useNavigate();
  const begin = useMutation({
    mutationFn: () => open(whose),
    onSuccess: async (r) => {
      await client.invalidateQueries({ queryKey: keyOf(whose) });
      await navigate({ to: `${pageOf(whose)}/${r.id}` });
    },
  });
  const running = query.data?.items.some((r) => r.state === 'open');
  return (
    <Page
      title="Access reviews" about="Who holds which roles, and do they still need them? Each review ends in a signed document."
      actions={deciding && query.data && !running && <Button loading={begin.isPending} onClick={() => begin.mutate()}>Begin a review now</Button>}
    >
      {begin.error != null && <Failed error={begin.error} />}
      <Answered query={query}>
        {(data) => (
          <>
            <Card flush title="Reviews">
              {data.items.length === 0 ? (
                <Empty icon="people" title="No review yet">{data.rule.months > 0 ? `The first begins by itself on ${moment(data.rule.next_at)}.` : 'Choose below how often there is one.'}</Empty>
              ) : <List items={data.items} whose={whose} />}
            </Card>
            {deciding && <RuleForm key={`${data.rule.months} ${data.rule.consequence}`} rule={data.rule} whose={whose} />}
          </>
        )}
      </Answered>
    </Page>
  );
}

function List({ items, whose }: { items: Review[]; whose: Whose }) {
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Opened</Table.Th><Table.Th>State</Table.Th><Table.Th>Due</Table.Th><Table.Th>Decided</Table.Th><Table.Th>Unused</Table.Th><Table.Th><span className="sr">Result</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {items.map((r) => (
            <Table.Tr key={r.id}>
              <Table.Td fw={550}><Opened review={r} whose={whose} /></Table.Td>
              <Table.Td><Badge variant="default">{r.state === 'open' ? (r.escalated_at ? 'Open, told above' : 'Open') : 'Closed'}</Badge></Table.Td>
              <Table.Td>{moment(r.due_at)}</Table.Td>
              <Table.Td className="num">{r.decided} of {r.total}</Table.Td>
              <Table.Td className="num">{r.unused}</Table.Td>
              <Table.Td ta="right">
                {r.state === 'closed' && (
                  <Button component="a" href={paper(whose, r.id)} download size="compact-sm" variant="default" leftSection={<Icon name="download" size={14} />}>Signed PDF</Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Opened({ review, whose }: { review: Review; whose: Whose }) {
  const text = moment(review.opened_at);
  return 'customer' in whose
    ? <LinkAnchor to="/c/$customer/reviews/$review" params={{ customer: whose.customer, review: review.id }}>{text}</LinkAnchor>
    : <LinkAnchor to="/n/$node/reviews/$review" params={{ node: whose.node, review: review.id }}>{text}</LinkAnchor>;
}

const often = [
  { value: '1', label: 'Every month' },
  { value: '3', label: 'Every quarter' },
  { value: '6', label: 'Twice a year' },
  { value: '12', label: 'Once a year' },
  { value: '0', label: 'Never' },
];

function RuleForm({ rule, whose }: { rule: Rule; whose: Whose }) {
  const client = useQueryClient();
  const [form, setForm] = useState({ months: String(rule.months), consequence: rule.consequence as string });
  const save = useMutation({
    mutationFn: () => setRule(whose, { months: Number(form.months) as Rule['months'], consequence: form.consequence as Rule['consequence'] }),
    onSuccess: () => {
      toast('Saved.');
      return client.invalidateQueries({ queryKey: keyOf(whose) });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <Card title="How often" about={rule.mandatory ? 'Provider and resellers review every month.' : 'Reviews begin by themselves and remind administrators by mail.'}>
      <form onSubmit={submit}>
        <Stack>
          <Group gap="md" align="flex-end">
            <Select label="A review" data={often} value={form.months} disabled={rule.mandatory} onChange={(v) => setForm({ ...form, months: v ?? '3' })} allowDeselect={false} w={200} />
            <Select
              label="Who is undecided after 14 days" data={[{ value: 'remind', label: 'is reminded of' }, { value: 'suspend', label: 'is suspended' }]} value={form.consequence}
              onChange={(v) => setForm({ ...form, consequence: v ?? 'remind' })} allowDeselect={false} w={240}
            />
            <Button type="submit" loading={save.isPending}>Save</Button>
          </Group>
          <Text size="sm" c="dimmed">{rule.next_at ? `The next one begins on ${moment(rule.next_at)}. ` : ''}The last administrator is never suspended; the level above is told instead.</Text>
          {save.error != null && <Failed error={save.error} />}
        </Stack>
      </form>
    </Card>
  );
}
