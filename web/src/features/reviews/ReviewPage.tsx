import { Alert, Badge, Button, Checkbox, Group, Modal, Stack, Table, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent, type KeyboardEvent } from 'react';
import { useMay } from '../../api/me';
import { roleName } from '../../api/roles';
import { ago, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { close, decide, keyOf, one, paper, type Line, type ReviewDetail, type Verdict, type Whose } from './data';

export function ReviewPage() {
  const { customer, review } = useParams({ strict: false });
  return <ReviewOf whose={{ customer: customer! }} id={review!} />;
}

export function NodeReviewPage() {
  const { node, review } = useParams({ strict: false });
  return <ReviewOf whose={{ node: node! }} id={review!} />;
}

function ReviewOf({ whose, id }: { whose: Whose; id: string }) {
  const query = useQuery(one(whose, id));
  const may = useMay('customer' in whose ? whose.customer : whose.node);
  const deciding = 'node' in whose || may('review.decide');
  return (
    <Page wide title="Access review" about={query.data && `Opened ${moment(query.data.opened_at)}, due ${moment(query.data.due_at)}. ${query.data.decided} of ${query.data.total} decided, ${query.data.unused} not used for 45 days.`}
      actions={query.data?.state === 'closed' && (
        <Group gap="sm">
          <Button component="a" href="/api/v1/document-certificate" download variant="default">Certificate</Button>
          <Button component="a" href={paper(whose, id)} download leftSection={<Icon name="download" size={16} />}>Signed PDF</Button>
        </Group>
      )}
    >
      <Answered query={query}>{(r) => <Lines review={r} whose={whose} deciding={deciding} />}</Answered>
    </Page>
  );
}

type Asking = { line: Line; what: 'change' | 'remove' };

function Lines({ review, whose, deciding }: { review: ReviewDetail; whose: Whose; deciding: boolean }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState<Asking | null>(null);
  const fresh = () => client.invalidateQueries({ queryKey: keyOf(whose) });
  const say = useMutation({ mutationFn: (a: { line: Line; verdict: Verdict }) => decide(whose, review.id, a.line.id, a.verdict), onSuccess: fresh });
  const end = useMutation({
    mutationFn: () => close(whose, review.id),
    onSuccess: () => {
      toast('The review is closed and its result is signed.');
      return fresh();
    },
  });
  const openly = deciding && review.state === 'open';
  const keep = (line: Line) => say.mutate({ line, verdict: { decision: 'keep' } });
  const press = (e: KeyboardEvent<HTMLTableRowElement>, line: Line) => {
    if (e.target !== e.currentTarget || e.ctrlKey || e.metaKey || e.altKey) return;
    const rows = [...(e.currentTarget.parentElement?.children ?? [])] as HTMLElement[];
    const here = rows.indexOf(e.currentTarget);
    if (e.key === 'ArrowDown' || e.key === 'j') rows[here + 1]?.focus();
    else if (e.key === 'ArrowUp') rows[here - 1]?.focus();
    else if (!openly || settled(line)) return;
    else if (e.key === 'k') {
      keep(line);
      rows[here + 1]?.focus();
    } else if (e.key === 'c' && line.roles.length > 1) setAsking({ line, what: 'change' });
    else if (e.key === 'r') setAsking({ line, what: 'remove' });
    else return;
    e.preventDefault();
  };
  return (
    <Stack>
      {openly && <Text size="sm" c="dimmed">By keyboard: arrows move from line to line, K keeps, C changes, R removes. Decisions work from the next request on.</Text>}
      {say.error != null && <Failed error={say.error} />}
      <div className="card">
        <Table.ScrollContainer minWidth={860}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>Who</Table.Th><Table.Th>Holds</Table.Th><Table.Th>Last used</Table.Th><Table.Th>Decision</Table.Th><Table.Th><span className="sr">Decide</span></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {review.lines.map((l) => (
                <Table.Tr key={l.id} tabIndex={0} onKeyDown={(e) => press(e, l)} aria-label={`${l.name}: ${said(l)}`}>
                  <Table.Td><Text fw={550} size="sm">{l.name}</Text><Text size="xs" c="dimmed">{l.email}</Text></Table.Td>
                  <Table.Td>{l.roles.map(roleName).join(', ')}{l.extensions.length > 0 && <Text size="xs" c="dimmed">{l.extensions.join(', ')}</Text>}</Table.Td>
                  <Table.Td>{ago(l.last_used_at)} {l.unused && <Badge variant="default">Unused</Badge>}</Table.Td>
                  <Table.Td>
                    {said(l)}
                    {l.decided_at && <Text size="xs" c="dimmed">{[l.decided_by, moment(l.decided_at), l.alone ? 'about themselves: nobody else could' : '', l.note].filter(Boolean).join(' · ')}</Text>}
                  </Table.Td>
                  <Table.Td ta="right">
                    <Decide line={l} openly={openly} deciding={deciding} keep={() => keep(l)} ask={(what) => setAsking({ line: l, what })} giveBack={() => say.mutate({ line: l, verdict: { decision: 'given_back' } })} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </div>
      {openly && (
        <Group>
          <Button loading={end.isPending} disabled={review.decided < review.total} onClick={() => end.mutate()}>Close and sign</Button>
          {review.decided < review.total && <Text size="sm" c="dimmed">{review.total - review.decided} to decide.</Text>}
        </Group>
      )}
      {end.error != null && <Failed error={end.error} />}
      {asking && <Ask asking={asking} whose={whose} review={review.id} onClose={() => setAsking(null)} onDone={fresh} />}
    </Stack>
  );
}

/** settled: what was carried out cannot be decided again. */
const settled = (l: Line) => l.decision !== '' && l.decision !== 'keep';

function said(l: Line): string {
  switch (l.decision) {
    case '': return 'Undecided';
    case 'keep': return 'Keep';
    case 'change': return `Change to ${l.wanted.map(roleName).join(', ')}`;
    case 'remove': return 'Removed';
    case 'suspended': return 'Suspended';
    default: return 'Given back';
  }
}

function Decide({ line, openly, deciding, keep, ask, giveBack }: { line: Line; openly: boolean; deciding: boolean; keep: () => void; ask: (what: Asking['what']) => void; giveBack: () => void }) {
  if (deciding && line.decision === 'suspended') return <Button size="compact-sm" variant="default" onClick={giveBack} aria-label={`Give ${line.name} back what was suspended`}>Give back</Button>;
  if (!openly || settled(line)) return null;
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button size="compact-sm" variant={line.decision === 'keep' ? 'light' : 'default'} onClick={keep} aria-label={`Keep ${line.name}`}>Keep</Button>
      {line.roles.length > 1 && <Button size="compact-sm" variant="default" onClick={() => ask('change')} aria-label={`Change ${line.name}`}>Change</Button>}
      <Button size="compact-sm" variant="default" onClick={() => ask('remove')} aria-label={`Remove ${line.name}`}>Remove</Button>
    </Group>
  );
}

function Ask({ asking, whose, review, onClose, onDone }: { asking: Asking; whose: Whose; review: string; onClose: () => void; onDone: () => unknown }) {
  const { line, what } = asking;
  const [roles, setRoles] = useState<string[]>(line.roles);
  const [note, setNote] = useState('');
  const go = useMutation({
    mutationFn: () => decide(whose, review, line.id, what === 'remove' ? { decision: 'remove', note } : { decision: 'change', roles, note }),
    onSuccess: async () => {
      onClose();
      await onDone();
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    go.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={what === 'remove' ? `Remove ${line.name}?` : `Which roles does ${line.name} keep?`} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {what === 'remove' ? (
            <Text size="sm">All roles and tokens end with the next request.</Text>
          ) : (
            <Checkbox.Group label="Stays" value={roles} onChange={setRoles}>
              <Stack gap={8} mt={8}>{line.roles.map((r) => <Checkbox key={r} value={r} label={roleName(r)} />)}</Stack>
            </Checkbox.Group>
          )}
          <Textarea label="Note" description="Stands in the signed result" value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={500} autosize minRows={2} data-autofocus />
          {line.own && <Alert color="yellow" variant="light" styles={{ message: { color: 'var(--mantine-color-text)' } }}>This line is about you.</Alert>}
          {go.error != null && <Failed error={go.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" color={what === 'remove' ? 'red' : undefined} loading={go.isPending} disabled={what === 'change' && (roles.length === 0 || roles.length === line.roles.length)}>
              {what === 'remove' ? 'Remove' : 'Change'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
