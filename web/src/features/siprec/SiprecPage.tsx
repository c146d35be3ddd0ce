import { Badge, Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { sentence } from '../../api/errors';
import type { SiprecSource, Source } from '../../api/types';
import { ago, count, exact } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { CopyLine } from '../../ui/SecretOnce';
import { Answered, Empty, Failed } from '../../ui/States';
import { sources } from '../settings/queries';
import { SiprecForm } from './SiprecForm';

const siprec = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'sources', 'siprec'), refetchInterval: 5_000, queryFn: () => must(api.GET('/api/v1/customers/{customer}/siprec', { params: { path: { customer } } })) });

/** SiprecPage shows sources that a session border controller calls while calls are going on. */
export function SiprecPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(siprec(customer));
  const all = useQuery(sources(customer)).data?.items ?? [];
  const [edit, setEdit] = useState<SiprecSource | 'new' | null>(null);
  const add = <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEdit('new')}>Add a recording client</Button>;
  const named = (s: SiprecSource) => all.find((one) => one.id === s.source_id);
  return (
    <Page title="Recording sessions" about="A session border controller or telephone system calls the archive and sends a copy of each call while it is spoken (SIPREC). Sound is sealed as it comes." actions={add}>
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <div className="card">
              <Empty icon="device" title="Nobody sends recording sessions yet">Add the system that will: you say who may call, and get the address to type into it.</Empty>
            </div>
          ) : (
            <Stack gap="sm">
              {data.items.map((s) => (
                <One key={s.source_id} customer={customer} it={s} source={named(s)} edit={() => setEdit(s)} />
              ))}
            </Stack>
          )
        }
      </Answered>
      {edit && <SiprecForm customer={customer} it={edit === 'new' ? null : edit} source={edit === 'new' ? undefined : named(edit)} onClose={() => setEdit(null)} />}
    </Page>
  );
}

function One({ customer, it, source, edit }: { customer: string; it: SiprecSource; source?: Source; edit: () => void }) {
  const name = source?.name ?? 'Recording client';
  const paused = source?.state === 'paused';
  return (
    <article className="card" style={{ padding: 16 }} aria-label={name}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 340px', minWidth: 0 }}>
          <Group gap="xs">
            <Title order={2}>{name}</Title>
            {!it.verified && <Badge variant="outline" title="How this sort of system writes its metadata was not checked against a real one. Look at the first calls.">Unverified</Badge>}
            {it.settings.encrypted && <Badge>Encrypted only</Badge>}
            {paused && <Badge>Paused</Badge>}
          </Group>
          <Text size="sm" mt={6}>
            {it.last_invite_at ? <span title={exact(it.last_invite_at)}>Last call {ago(it.last_invite_at)}</span> : 'No call since the server has started'}
            {' · '}{count(it.taken, 'session')} taken · {it.refused} refused
            {it.silent > 0 && ` · ${it.silent} without sound`}
            {it.waiting > 0 && ` · ${it.waiting} being archived`}
          </Text>
          {source?.state_text && <Text size="sm" mt={2}>{sentence(source.state_text)}</Text>}
        </div>
        <Button size="compact-sm" variant="default" onClick={edit} aria-label={`Who may call ${name}`}>Who may call</Button>
      </Group>
      <Where it={it} />
      <LiveTable customer={customer} it={it} name={name} />
      <Refusals it={it} name={name} />
    </article>
  );
}

/** Where says what to type into the recording client. */
function Where({ it }: { it: SiprecSource }) {
  if (it.addresses.length === 0) {
    return <Text size="sm" mt="sm">This installation takes no recording sessions yet: its operator sets an address in the configuration, under “sip”.</Text>;
  }
  if (!it.configured) {
    return <Text size="sm" mt="sm">Nobody may call yet. Say who may, and then type the address into the recording client.</Text>;
  }
  return (
    <Stack gap={6} mt="sm">
      <Text size="sm">Type this address into the recording client. TLS keeps names, numbers and keys from others; use UDP only where nothing else works.</Text>
      {it.addresses.map((a) => (
        <CopyLine key={a} text={a} label={`Address by ${a.split('transport=')[1]?.toUpperCase() ?? 'SIP'}`} />
      ))}
    </Stack>
  );
}

const states = { beginning: 'Beginning', recording: 'In progress', paused: 'Paused by the client', silenced: 'Silenced' } as const;

type Session = SiprecSource['live'][number];

/** usePause silences a session while a payment is taken, and lets it go on: by the server's clock, not this browser's. */
function usePause(customer: string, source: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (l: Session): Promise<unknown> =>
      l.pause
        ? must(api.PATCH('/api/v1/customers/{customer}/pauses/{pause}', { params: { path: { customer, pause: l.pause } }, body: {} }))
        : must(api.POST('/api/v1/customers/{customer}/pauses', { params: { path: { customer } }, body: { source_id: source, call: l.call } })),
    onSettled: () => client.invalidateQueries({ queryKey: here(customer, 'sources', 'siprec') }),
  });
}

function LiveTable({ customer, it, name }: { customer: string; it: SiprecSource; name: string }) {
  const pause = usePause(customer, it.source_id);
  if (it.live.length === 0) return null;
  return (
    <>
      {pause.error && <Failed error={pause.error} />}
      <Table.ScrollContainer minWidth={520} mt="sm">
        <Table aria-label={`Being recorded now from ${name}`}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Being recorded now</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Streams</Table.Th>
              <Table.Th ta="right">Packets</Table.Th>
              <Table.Th ta="right">Lost</Table.Th>
              <Table.Th ta="right">Jitter</Table.Th>
              <Table.Th ta="right">Payment</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {it.live.map((l) => {
              const sum = (part: 'packets' | 'lost') => l.streams.reduce((n, s) => n + s[part], 0);
              return (
                <Table.Tr key={l.id}>
                  <Table.Td title={exact(l.begun_at)}>since {ago(l.begun_at)}</Table.Td>
                  <Table.Td>{states[l.state]}</Table.Td>
                  <Table.Td>{l.streams.filter((s) => s.taken).length}{l.streams.some((s) => !s.taken) && ' (others cannot be kept)'}</Table.Td>
                  <Table.Td ta="right">{sum('packets')}</Table.Td>
                  <Table.Td ta="right">{sum('lost')}</Table.Td>
                  <Table.Td ta="right">{Math.max(0, ...l.streams.map((s) => s.jitter_ms))} ms</Table.Td>
                  <Table.Td ta="right">
                    <Button size="compact-xs" variant="default" loading={pause.isPending && pause.variables?.id === l.id} onClick={() => pause.mutate(l)} aria-label={`${l.pause ? 'Resume' : 'Pause'} the session since ${ago(l.begun_at)}`}>
                      {l.pause ? 'Resume' : 'Pause'}
                    </Button>
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}

function Refusals({ it, name }: { it: SiprecSource; name: string }) {
  if (it.refusals.length === 0) return null;
  return (
    <Table.ScrollContainer minWidth={420} mt="sm">
      <Table aria-label={`Turned down for ${name}`}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Turned down</Table.Th>
            <Table.Th>From</Table.Th>
            <Table.Th>Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {it.refusals.slice(0, 5).map((r, i) => (
            <Table.Tr key={i}>
              <Table.Td title={exact(r.at)}>{ago(r.at)}</Table.Td>
              <Table.Td className="mono">{r.from}</Table.Td>
              <Table.Td>{sentence(r.reason)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
