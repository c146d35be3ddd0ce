import { Alert, Button, FileButton, Group, NumberInput, Progress, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { Confirm } from '../../ui/Confirm';
import { ExportProgress } from '../../ui/ExportProgress';
import { count, exact, moment } from '../../ui/format';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { answers, over } from './asking';
import { bundle, departure, leave, stay, type Departure } from './data';

/** LeavePage lets a customer take everything along, and then has the key destroyed: two persons, and 72 hours to change one's mind. */
export function LeavePage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(departure(customer));
  return (
    <Page title="Leave" about={query.data?.state !== 'asking' && 'Take everything to another installation, then have it destroyed here. Nothing is destroyed before a second person has agreed and 72 hours have passed.'}>
      <Answered query={query}>{(data) => (over(data, query.error) ? <Gone /> : <Standing customer={customer} data={data} />)}</Answered>
    </Page>
  );
}

/** Standing is what can be done, or is being done, by how far the departure has come. Once it is final, nothing can be taken along any more. */
export function Standing({ customer, data }: { customer: string; data: Departure }) {
  if (data.state === 'asking') return <Asking data={data} />;
  return (
    <>
      <Take customer={customer} />
      {data.state === 'none' ? <End customer={customer} data={data} /> : <Waiting customer={customer} data={data} />}
    </>
  );
}

function Take({ customer }: { customer: string }) {
  const [key, setKey] = useState('');
  const [why, setWhy] = useState('');
  const make = useMutation({ mutationFn: () => bundle(customer, key, why) });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <Card title="1. Take everything along" about="Recordings, transcripts, search, settings, the change log with its receipts, under the same ids. The keys are wrapped to the installation that receives them: nobody else opens the bundle.">
      <form onSubmit={submit}>
        <Stack>
          <Textarea label="Key of the receiving installation" description="Its operator makes it with: ringfence customer receive-key" value={key} onChange={(e) => setKey(e.currentTarget.value)} minRows={3} maxRows={6} autosize required />
          <Group><FileButton onChange={(f) => void f?.text().then(setKey)}>{(props) => <Button {...props} variant="default">Read it from a file</Button>}</FileButton></Group>
          <TextInput label="What for" description="Stands in the change log" value={why} onChange={(e) => setWhy(e.currentTarget.value)} maxLength={500} required />
          {make.error && <Failed error={make.error} />}
          <Group justify="flex-end"><Button type="submit" loading={make.isPending} disabled={key.trim() === '' || why.trim() === ''}>Make the bundle</Button></Group>
        </Stack>
      </form>
      {make.data && <ExportProgress customer={customer} id={make.data.id} />}
    </Card>
  );
}

function End({ customer, data }: { customer: string; data: Departure }) {
  const client = useQueryClient();
  const [n, setN] = useState<number | string>('');
  const [why, setWhy] = useState('');
  const ask = useMutation({
    mutationFn: () => leave(customer, Number(n), why.trim()),
    onSuccess: () => client.invalidateQueries({ queryKey: ['at', customer] }),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate();
  };
  return (
    <Card title="2. Have it destroyed here" about="The key of this customer and every key under it, then sound, transcripts and rows. It cannot be undone, and no backup brings it back.">
      {data.held > 0 ? (
        <Alert color="yellow" title={`${count(data.held, 'recording')} under a legal hold`}>While there is a hold, nobody leaves. <LinkAnchor to="/c/$customer/holds" params={{ customer } as never}>Look at the holds</LinkAnchor></Alert>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <NumberInput label="How many recordings will be destroyed" description={`Type the exact count: ${data.recordings}`} value={n} onChange={setN} min={0} allowDecimal={false} hideControls required />
            <Textarea label="Why" description="The second person reads it" value={why} onChange={(e) => setWhy(e.currentTarget.value)} minRows={2} maxLength={1000} autosize required />
            {ask.error && <Failed error={ask.error} />}
            <Group justify="flex-end"><Button type="submit" color="red" loading={ask.isPending} disabled={n === '' || why.trim().length < 3}>Ask for the end</Button></Group>
          </Stack>
        </form>
      )}
    </Card>
  );
}

/** Asking says who has not answered yet of those that have files: nobody can stop it any more. */
function Asking({ data }: { data: Departure }) {
  const all = answers(data);
  const open = all.some((a) => a.answered < a.of);
  return (
    <Card title="This customer is leaving">
      <Stack>
        <Alert color="red" title="It is final">Nothing is captured, played or exported any more, and nobody can stop it.</Alert>
        {all.length > 0 && <Text size="sm">Before the keys go, whoever has files removes them and says what became of them.</Text>}
        {all.map((a) => (
          <div key={a.who}>
            <Group justify="space-between" gap="xs" mb={6}>
              <Text size="sm" fw={500}>{a.who}</Text>
              <Text size="sm" c="dimmed">{a.answered} of {a.of} answered</Text>
            </Group>
            <Progress value={(100 * a.answered) / a.of} aria-label={`${a.who}: ${a.answered} of ${a.of} answered`} />
          </div>
        ))}
        <Text size="sm">
          {open
            ? `The keys go when all have answered, and on ${moment(data.asking_until)} at the latest. Of what has not answered by then, the certificate says that nobody knows.`
            : 'Nobody is waited for any more: the keys go now, then everything else.'}
        </Text>
      </Stack>
    </Card>
  );
}

/** Gone is what is said to somebody who looks on while it ends. */
function Gone() {
  return (
    <Card title="This customer has left">
      <Text size="sm">Everything has been destroyed. The certificate is with the provider or reseller, on the page Customers who left: ask them for it.</Text>
    </Card>
  );
}

/** left is how long there is still time to change one's mind, in words. */
function left(until: string) {
  const hours = Math.ceil((new Date(until).getTime() - Date.now()) / 3_600_000);
  return hours <= 0 ? 'The time to change your mind is over' : `${count(hours, 'hour')} left to change your mind`;
}

function Waiting({ customer, data }: { customer: string; data: Departure }) {
  const client = useQueryClient();
  const [stopping, setStopping] = useState(false);
  return (
    <Card title={data.state === 'approved' ? 'This customer leaves' : 'Waiting for a second person'}>
      <Stack>
        <Alert color="red" title={data.not_before ? left(data.not_before) : undefined}>
          {data.state === 'approved' ? 'A second person has agreed.' : 'Another administrator has to agree, on the page of what waits for a second person.'} {data.not_before && `Nothing is destroyed before ${exact(data.not_before)}.`}
        </Alert>
        <Text size="sm">{data.reason}</Text>
        <Group>
          <Button color="green" onClick={() => setStopping(true)}>Stay after all</Button>
          {data.state === 'waiting' && <LinkAnchor to="/c/$customer/approvals" params={{ customer } as never}>What waits for a second person</LinkAnchor>}
        </Group>
      </Stack>
      <Confirm title="Stay?" act="Stay" opened={stopping} onClose={() => setStopping(false)} onConfirm={async () => {
        await stay(customer);
        await client.invalidateQueries({ queryKey: ['at', customer] });
      }}>
        Nothing is destroyed. Whoever wants to leave later asks anew.
      </Confirm>
    </Card>
  );
}
