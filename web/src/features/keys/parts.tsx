import { Alert, Badge, Button, Group, NumberInput, Progress, Table, Text } from '@mantine/core';
import { useMutation, type UseQueryResult } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { ago, exact, moment } from '../../ui/format';
import { Card } from '../../ui/Page';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { doing, done, type KeyRotation } from './queries';

/** Facts are names with what they are. */
export const Facts = ({ children }: { children: ReactNode }) => (
  <Table withRowBorders={false} verticalSpacing={4} layout="auto">
    <Table.Tbody>{children}</Table.Tbody>
  </Table>
);

export const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <Table.Tr>
    <Table.Th scope="row" c="dimmed" fw={450} w={170} style={{ verticalAlign: 'top' }}>{name}</Table.Th>
    <Table.Td style={{ overflowWrap: 'anywhere' }}>{children}</Table.Td>
  </Table.Tr>
);

/** Running says how far a rotation is. */
export function Running({ of: r }: { of: KeyRotation }) {
  const share = r.all > 0 ? Math.min(100, Math.floor((100 * r.done) / r.all)) : 0;
  return (
    <Alert color={r.problem ? 'orange' : 'blue'} title={doing[r.what]} mb="md" role="status">
      <Text size="sm">
        {r.done.toLocaleString()} of {Math.max(r.all, r.done).toLocaleString()} under the new key. Everything goes on meanwhile.
      </Text>
      <Progress value={share} mt="xs" aria-label="How far it is" />
      {r.problem && <Text size="sm" mt="xs">It does not go on at the moment and is tried again: {r.problem}</Text>}
    </Alert>
  );
}

/** History lists what became of rotations. */
export function History({ query, counts }: { query: UseQueryResult<{ items: KeyRotation[] }>; counts: string }) {
  return (
    <Card title="History" flush>
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty icon="history" title="Never rotated">The key is the one that was made at the beginning.</Empty>
          ) : (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>What</Table.Th>
                    <Table.Th>Asked for</Table.Th>
                    <Table.Th>Done</Table.Th>
                    <Table.Th ta="right">{counts}</Table.Th>
                    <Table.Th>To</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map((r) => (
                    <Table.Tr key={r.id}>
                      <Table.Td>{done[r.what]}</Table.Td>
                      <Table.Td title={exact(r.asked_at)}>{moment(r.asked_at)}</Table.Td>
                      <Table.Td title={exact(r.ended_at)}>{r.ended_at ? ago(r.ended_at) : <Badge color="orange">On its way</Badge>}</Table.Td>
                      <Table.Td ta="right" className="num">{r.done.toLocaleString()}</Table.Td>
                      <Table.Td style={{ overflowWrap: 'anywhere' }}>{r.root_name || r.holder || 'this installation'}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Answered>
    </Card>
  );
}

/** Rhythm is after how many months somebody is reminded. */
export function Rhythm({ months, due, onSave, may }: { months: number; due: string | null; onSave: (months: number) => Promise<unknown>; may: boolean }) {
  const [value, setValue] = useState<number | string>(months);
  const save = useMutation({ mutationFn: () => onSave(Number(value) || 0), onSuccess: () => toast('The reminder is set.') });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const late = due !== null && new Date(due) < new Date();
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        <NumberInput label="To be rotated every so many months" description="0: nobody is reminded" min={0} max={60} value={value} onChange={setValue} disabled={!may} w={280} />
        {may && <Button type="submit" variant="default" loading={save.isPending}>Save</Button>}
      </Group>
      {due && <Text size="sm" mt="xs" c={late ? 'red' : 'dimmed'}>{late ? `Was due on ${moment(due)}.` : `Due on ${moment(due)}.`}</Text>}
      {save.error != null && <Failed error={save.error} />}
    </form>
  );
}
