import { Badge, Button, Group, PasswordInput, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { useMe } from '../../api/me';
import { ago, browser, exact, moment } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Browsers } from './Browsers';
import { Factors } from './Factors';

export function AccountPage() {
  const me = useMe();
  return (
    <Page title="Your account" about={me ? `${me.person.name} · ${me.person.email}` : undefined}>
      <Factors />
      <Browsers />
      <Sessions />
      <Password />
    </Page>
  );
}

function Sessions() {
  const client = useQueryClient();
  const key = ['me', 'sessions'];
  const sessions = useQuery({ queryKey: key, queryFn: () => must(api.GET('/api/v1/me/sessions')) });
  const end = useMutation({
    mutationFn: (session: string) => must(api.DELETE('/api/v1/me/sessions/{session}', { params: { path: { session } } })),
    onSuccess: () => {
      toast('That session has ended.');
      return client.invalidateQueries({ queryKey: key });
    },
    onError: () => toast('The session could not be ended. Try again.', 'bad'),
  });
  return (
    <Card title="Where you are signed in" about="End a session that you do not know, then change your password." flush>
      <Answered query={sessions} rows={2}>
        {(data) => (
          <Table.ScrollContainer minWidth={560}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Browser</Table.Th>
                  <Table.Th>Address</Table.Th>
                  <Table.Th>Last seen</Table.Th>
                  <Table.Th>Ends</Table.Th>
                  <Table.Th><span className="sr">End</span></Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.items.map((s) => (
                  <Table.Tr key={s.id}>
                    <Table.Td>
                      <Group gap="xs">
                        <Text size="sm" title={s.agent}>{browser(s.agent)}</Text>
                        {s.current && <Badge>This one</Badge>}
                      </Group>
                    </Table.Td>
                    <Table.Td className="mono">{s.address}</Table.Td>
                    <Table.Td title={exact(s.last_seen_at)}>{ago(s.last_seen_at)}</Table.Td>
                    <Table.Td>{moment(s.until)}</Table.Td>
                    <Table.Td ta="right">
                      {!s.current && (
                        <Button size="compact-sm" variant="default" loading={end.isPending && end.variables === s.id} onClick={() => end.mutate(s.id)}>
                          End
                        </Button>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Answered>
    </Card>
  );
}

function Password() {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => must(api.POST('/api/v1/me/password', { body: { current, new: next } })),
    onSuccess: () => {
      setCurrent('');
      setNext('');
      toast('Your password is changed. All other sessions have ended.');
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    change.mutate();
  };
  const p = change.error instanceof Problem ? change.error : null;
  const known = p && (p.about('current') || p.about('new'));
  return (
    <Card title="Password" about="Changing it ends all other sessions and remembered browsers. Length counts, composition does not.">
      <form onSubmit={submit}>
        <Stack maw={360}>
          <PasswordInput label="Current password" autoComplete="current-password" required value={current} onChange={(e) => setCurrent(e.currentTarget.value)} error={p?.about('current')} visibilityToggleButtonProps={{ 'aria-label': 'Show the current password' }} />
          <PasswordInput label="New password" autoComplete="new-password" required value={next} onChange={(e) => setNext(e.currentTarget.value)} error={p?.about('new')} visibilityToggleButtonProps={{ 'aria-label': 'Show the new password' }} />
          {change.error != null && !known && <Failed error={change.error} />}
          <Group>
            <Button type="submit" loading={change.isPending}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
