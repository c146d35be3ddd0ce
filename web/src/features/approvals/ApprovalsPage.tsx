import { Alert, Anchor, Badge, Button, Group, Modal, NumberInput, Stack, Table, Text } from '@mantine/core';
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { components } from '../../api/types';
import { useMay } from '../../api/me';
import { count, moment, words } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { holds } from '../holds/data';

type Approval = components['schemas']['Approval'];

const approvals = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'approvals'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/approvals', { params: { path: { customer } } })) });

export function ApprovalsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const client = useQueryClient();
  const query = useQuery(approvals(customer));
  const [agreeing, setAgreeing] = useState<Approval | null>(null);
  const fresh = () => client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
  const refuse = useMutation({
    mutationFn: (a: Approval) => must(api.POST('/api/v1/customers/{customer}/approvals/{approval}/refuse', { params: { path: { customer, approval: a.id } }, body: {} })),
    onSuccess: fresh,
    onError: () => toast('It could not be refused just now.', 'bad'),
  });
  return (
    <Page title="Waiting for a second person" about="Acts that cannot be undone are asked for by one person and agreed to by another. Whoever asks cannot agree, under no role and with no other sign-in.">
      <Answered query={query}>
        {(data) => {
          const open = data.items.filter((a) => a.state === 'waiting' || a.state === 'approved');
          const past = data.items.filter((a) => a.state !== 'waiting' && a.state !== 'approved');
          return (
            <>
              {open.length === 0 && <Empty icon="check" title="Nothing waits">What somebody asks for shows up here, and you are told by mail.</Empty>}
              {open.map((a) => (
                <Card key={a.id} title={`Somebody asks to ${a.title}`}>
                  <Stack gap="xs">
                    <About customer={customer} a={a} />
                    <Text size="sm">Why: {a.reason}</Text>
                    <Text size="sm" c="dimmed">
                      {a.asked_by}, {moment(a.asked_at)}. It is about {a.count}. {a.alone && a.not_before ? `Comes about by itself on ${moment(a.not_before)}.` : `Ends by itself on ${moment(a.until)}.`}
                      {!a.alone && a.not_before && ` Not carried out before ${moment(a.not_before)}.`}
                    </Text>
                    {a.changed && <Alert color="yellow" variant="light" styles={{ message: { color: 'var(--mantine-color-text)' } }}>What this is about has changed since: it has to be asked for again.</Alert>}
                    <Group>
                      {a.state === 'approved' ? <Badge variant="light" color="pine" tt="none">Agreed to by {a.decided_by}</Badge>
                        : a.own ? <Text size="sm">You asked for it: somebody else has to agree.</Text>
                        : <Button disabled={a.changed} onClick={() => setAgreeing(a)}>Agree…</Button>}
                      <Button variant="default" loading={refuse.isPending && refuse.variables === a} onClick={() => refuse.mutate(a)}>{a.own ? 'Take it back' : 'Refuse'}</Button>
                    </Group>
                  </Stack>
                </Card>
              ))}
              {past.length > 0 && (
                <Card flush title="Decided">
                  <Table.ScrollContainer minWidth={560}>
                    <Table>
                      <Table.Thead><Table.Tr><Table.Th>What</Table.Th><Table.Th>Asked by</Table.Th><Table.Th>Became of it</Table.Th></Table.Tr></Table.Thead>
                      <Table.Tbody>
                        {past.map((a) => (
                          <Table.Tr key={a.id}>
                            <Table.Td><Text size="sm">{a.title}</Text><Text size="xs" c="dimmed">{a.reason}</Text></Table.Td>
                            <Table.Td><Text size="sm">{a.asked_by}</Text><Text size="xs" c="dimmed">{moment(a.asked_at)}</Text></Table.Td>
                            <Table.Td><Text size="sm">{a.state === 'taken' ? 'carried out' : words(a.state)}</Text>{a.decided_by && <Text size="xs" c="dimmed">{a.decided_by}, {moment(a.decided_at)}</Text>}</Table.Td>
                          </Table.Tr>
                        ))}
                      </Table.Tbody>
                    </Table>
                  </Table.ScrollContainer>
                </Card>
              )}
            </>
          );
        }}
      </Answered>
      {agreeing && <Agree customer={customer} a={agreeing} onClose={() => setAgreeing(null)} onDone={fresh} />}
    </Page>
  );
}

/** About says what exactly somebody asks for, and where it can be looked at. */
function About({ customer, a }: { customer: string; a: Approval }) {
  const may = useMay(customer)('hold.read');
  const all = useQuery({ ...holds(customer), enabled: may && a.kind === 'hold.lift' }).data?.items;
  const hold = all?.find((h) => h.id === a.subject);
  return (
    <Group gap="xs">
      {hold && <Text size="sm"><b>{hold.matter}</b>: {hold.reason}. {count(hold.count, 'recording')} {hold.count === 1 ? 'is' : 'are'} under it now.</Text>}
      {a.facts.which && <Text size="sm">Which: {a.facts.which}.</Text>}
      <Anchor component={Link} to={`/c/${customer}/${a.page}`} size="sm">Look at it</Anchor>
    </Group>
  );
}

function Agree({ customer, a, onClose, onDone }: { customer: string; a: Approval; onClose: () => void; onDone: () => unknown }) {
  const [confirm, setConfirm] = useState<number | string>(a.count === 0 ? 0 : '');
  const agree = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/approvals/{approval}/approve', { params: { path: { customer, approval: a.id } }, body: { confirm: Number(confirm) } })),
    onSuccess: async (done) => {
      toast(done.state === 'taken' ? 'Agreed to and carried out.' : 'Agreed to.');
      onClose();
      await onDone();
    },
  });
  const p = agree.error instanceof Problem ? agree.error : null;
  return (
    <Modal opened onClose={onClose} title={`Agree to ${a.title}?`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); agree.mutate(); }}>
        <Stack>
          <About customer={customer} a={a} />
          <Text size="sm">Why: {a.reason}</Text>
          <NumberInput label={`Type ${a.count} to confirm`} hideControls value={confirm} onChange={setConfirm} error={p?.about('confirm')} w={220} data-autofocus />
          {agree.error != null && !p?.about('confirm') && <Failed error={agree.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={agree.isPending} disabled={confirm === '' || Number(confirm) !== a.count}>Agree</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
