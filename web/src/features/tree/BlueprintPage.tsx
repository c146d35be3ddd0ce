import { Alert, Button, Code, FileButton, Group, Stack, Table, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Blueprint } from '../../api/types';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { NodeHead } from './NodeHead';

const route = getRouteApi('/in/n/$node/blueprint');

export function BlueprintPage() {
  const { node } = route.useParams();
  const query = useQuery({ queryKey: ['node', node, 'blueprint'], queryFn: () => must(api.GET('/api/v1/nodes/{node}/blueprint', { params: { path: { node } } })) });
  return (
    <>
      <NodeHead node={node} page="Blueprint" />
      <Page title="Blueprint" about="One file sets up a customer: quotas, looks, retention, sources, sign-in and who is invited. Look at the difference first; applying twice changes nothing.">
        <Answered query={query} rows={4}>
          {(data) => (
            <>
              {data.state.state !== '' && (
                <Text size="sm" mb="sm" role="status">
                  Last applied {moment(data.state.applied_at)}: {data.state.state}.{data.state.note && ` ${data.state.note}.`}
                </Text>
              )}
              <Apply node={node} sample={data.sample} />
            </>
          )}
        </Answered>
      </Page>
    </>
  );
}

function Apply({ node, sample }: { node: string; sample: string }) {
  const client = useQueryClient();
  const [yaml, setYAML] = useState('');
  const body = { params: { path: { node } }, body: { yaml } };
  const look = useMutation({ mutationFn: () => must(api.POST('/api/v1/nodes/{node}/blueprint/preview', body)) });
  const apply = useMutation({
    mutationFn: () => must(api.POST('/api/v1/nodes/{node}/blueprint', body)),
    onSuccess: (done) => {
      toast(done.state.state === 'failed' ? 'A step was refused.' : done.changes ? 'The blueprint is applied.' : 'Nothing differed.', done.state.state === 'failed' ? 'bad' : undefined);
      look.reset();
      return client.invalidateQueries({ queryKey: ['node'] });
    },
  });
  const change = (text: string) => {
    setYAML(text);
    look.reset();
    apply.reset();
  };
  const error = look.error ?? apply.error;
  return (
    <>
      <Card>
        <Stack>
          <Textarea
            label="File" description="YAML" value={yaml} onChange={(e) => change(e.currentTarget.value)} autosize minRows={12} maxRows={28} spellCheck={false}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
          />
          <Group>
            <Button disabled={yaml.trim() === ''} loading={look.isPending} onClick={() => look.mutate()}>Show the difference</Button>
            <FileButton onChange={(f) => void f?.text().then(change)} accept=".yaml,.yml,text/yaml,text/plain">
              {(props) => <Button variant="default" {...props}>Open a file</Button>}
            </FileButton>
            <Button variant="default" onClick={() => change(sample)}>Begin with a sample</Button>
          </Group>
          {error != null && <Faults error={error} />}
        </Stack>
      </Card>
      {look.data && <Difference plan={look.data} applying={apply.isPending} onApply={() => apply.mutate()} />}
      {apply.data && (
        <Alert color={apply.data.state.state === 'failed' ? 'red' : 'green'} variant="light" icon={<Icon name={apply.data.state.state === 'failed' ? 'warn' : 'check'} />} title={apply.data.state.state === 'failed' ? 'A step was refused' : 'Applied'} role="status" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          {apply.data.state.note || 'Everything is as the file says.'}{' '}
          {apply.data.customer_id && <Link to="/n/$node" params={{ node: apply.data.customer_id }}>To the customer</Link>}
        </Alert>
      )}
    </>
  );
}

/** Faults lists everything that is wrong with a file, each with its path. */
function Faults({ error }: { error: unknown }) {
  if (!(error instanceof Problem) || error.faults.length === 0) return <Failed error={error} />;
  return (
    <Alert color="red" variant="light" icon={<Icon name="warn" />} title={`${error.faults.length} to mend in the file`} role="alert" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      <Stack gap={6} component="ul" pl="md" my={0}>
        {error.faults.map((f, i) => (
          <li key={i}>
            <Code>{f.location?.replace(/^body\./, '') || 'file'}</Code> <Text span size="sm">{f.message}</Text>
          </li>
        ))}
      </Stack>
    </Alert>
  );
}

function Difference({ plan, applying, onApply }: { plan: Blueprint; applying: boolean; onApply: () => void }) {
  return (
    <Card
      title={plan.changes ? 'What would change' : 'Nothing would change'} flush={plan.lines.length > 0}
      about={plan.customer_id ? undefined : 'The customer is made anew.'}
      actions={plan.changes && <Button loading={applying} onClick={onApply}>Apply</Button>}
    >
      {plan.lines.length === 0 ? (
        <Text size="sm">Everything is as the file says.</Text>
      ) : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>What</Table.Th>
                <Table.Th>Now</Table.Th>
                <Table.Th>Then</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {plan.lines.map((l) => (
                <Table.Tr key={l.path}>
                  <Table.Td className="mono">{l.path}</Table.Td>
                  <Table.Td>{l.before || <Text span c="dimmed" size="sm">nothing</Text>}</Table.Td>
                  <Table.Td>
                    {l.kept ? <Text size="sm" c="dimmed">stays: the customer's administrators decide</Text> : l.after}
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
