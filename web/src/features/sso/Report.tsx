import { Alert, Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, must } from '../../api/client';
import { sentence } from '../../api/errors';
import { roleName } from '../../api/roles';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { causes, test, type Test } from './queries';

/** Report shows what a test sign-in brought. */
export function Report({ customer, provider, id }: { customer: string; provider: string; id: string }) {
  const query = useQuery(test(customer, provider, id));
  return (
    <Answered query={query} rows={4}>
      {(t) => (
        <Card title="What the test showed" about={moment(t.at)}>
          <Stack>
            <Verdict of={t} />
            {t.passed && !t.own && <LinkMe customer={customer} provider={provider} of={t} />}
            <Worth of={t} />
            <Checks of={t} />
            <Claims of={t} />
          </Stack>
        </Card>
      )}
    </Answered>
  );
}

function Verdict({ of: t }: { of: Test }) {
  const good = t.passed && t.admits;
  const title = !t.passed ? `A check failed: ${causes[t.cause ?? ''] ?? t.cause}` : t.admits ? (t.own ? 'A sign-in like this lets you in' : 'A sign-in like this lets this person in') : `Every check passed, but nobody would be let in: ${causes[t.cause ?? ''] ?? t.cause}`;
  return (
    <Alert color={good ? 'green' : 'yellow'} variant="light" icon={<Icon name={good ? 'check' : 'warn'} />} title={title} styles={{ message: { color: 'var(--mantine-color-text)' }, title: { color: good ? 'var(--rf-positive)' : 'var(--rf-agent)' } }}>
      {sentence(t.text ?? '') || 'Nobody was signed in by this test.'}
    </Alert>
  );
}

/** LinkMe: who tests has just signed in at both ends, so they may say that it is they. */
function LinkMe({ customer, provider, of: t }: { customer: string; provider: string; of: Test }) {
  const client = useQueryClient();
  const link = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/identity-providers/{provider}/tests/{test}/link', { params: { path: { customer, provider, test: t.id } } })),
    onSuccess: async (now) => {
      toast('Linked to you.');
      client.setQueryData(test(customer, provider, t.id).queryKey, now);
    },
  });
  return (
    <Stack gap="xs" align="flex-start">
      <Button variant="default" size="xs" loading={link.isPending} onClick={() => link.mutate()}>This is me: link it to my membership</Button>
      {link.error != null && <Failed error={link.error} />}
    </Stack>
  );
}

function Worth({ of: t }: { of: Test }) {
  const line = (label: string, text: string) => (
    <Table.Tr>
      <Table.Th scope="row" w={150}>{label}</Table.Th>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{text || '–'}</Table.Td>
    </Table.Tr>
  );
  return (
    <Table>
      <Table.Tbody>
        {line('Roles', t.roles.map(roleName).join(', '))}
        {line('Extensions', t.extensions.join(', '))}
        {line('Subject', t.subject)}
        {line('E-mail', t.email)}
        {line('Name', t.name)}
      </Table.Tbody>
    </Table>
  );
}

function Checks({ of: t }: { of: Test }) {
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Check</Table.Th><Table.Th>Result</Table.Th><Table.Th>What was found</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {t.checks.map((c) => (
            <Table.Tr key={c.name}>
              <Table.Td>{c.name}</Table.Td>
              <Table.Td><Badge color={c.passed ? 'teal' : 'red'} variant="light">{c.passed ? 'Passed' : 'Failed'}</Badge></Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{c.text}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Claims({ of: t }: { of: Test }) {
  if (t.claims.length === 0) return <Text size="sm" c="dimmed">No claims arrived.</Text>;
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table>
        <Table.Thead><Table.Tr><Table.Th>Claim</Table.Th><Table.Th>Values</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {t.claims.map((c) => (
            <Table.Tr key={c.name}>
              <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>{c.name}</Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}><Group gap={6}>{c.values.map((v) => <Text key={v} size="sm" className="mono">{v}</Text>)}</Group></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
