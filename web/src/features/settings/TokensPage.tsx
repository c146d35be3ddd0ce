import { Button, Checkbox, Group, Modal, Select, SimpleGrid, Stack, Table, TagsInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import dayjs from 'dayjs';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { usePlace } from '../../api/me';
import type { Token } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { ago, moment, words } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';

/** Whose tokens: a customer's, or those of a provider or reseller. */
type Whose = { customer: string } | { node: string };

const keyOf = (w: Whose) => ('customer' in w ? here(w.customer, 'tokens') : (['node', w.node, 'tokens'] as const));

export function TokensPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  return <Tokens whose={{ customer }} about="Keys for machines: each with the acts it may do, where it works from, and an end. Everything this portal does is in the API; its description is at /api/openapi.json." />;
}

export function NodeTokensPage() {
  const { node } = useParams({ strict: false });
  return <Tokens whose={{ node: node! }} about="Keys for machines that act above customers. They open no customer's recordings, and end with the role of who made them." />;
}

function Tokens({ whose, about }: { whose: Whose; about: string }) {
  const query = useQuery({
    queryKey: keyOf(whose),
    queryFn: () => ('customer' in whose ? tokens(whose.customer) : nodeTokens(whose.node)),
  });
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Page
      title="API tokens" about={about}
      actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>Make a token</Button>}
    >
      {secret && (
        <SecretOnce title="Keep this token now: it is shown this once" onDone={() => setSecret(null)}>
          <CopyLine text={secret} label="Token" />
          <Text size="sm">Send it with each request as the header “Authorization: Bearer” and the token.</Text>
        </SecretOnce>
      )}
      <div className="card">
        <Answered query={query}>
          {(data) => (data.items.length === 0 ? <Empty icon="key" title="No tokens">Make one for a script or a system that reads recordings or settings.</Empty> : <List items={data.items} whose={whose} />)}
        </Answered>
      </div>
      {making && <Make whose={whose} onClose={() => setMaking(false)} onMade={setSecret} />}
    </Page>
  );
}

const nodeTokens = (node: string) => must(api.GET('/api/v1/nodes/{node}/tokens', { params: { path: { node } } }));
const tokens = (customer: string) => must(api.GET('/api/v1/customers/{customer}/tokens', { params: { path: { customer } } }));

const end = (w: Whose, token: string) =>
  'customer' in w
    ? must(api.DELETE('/api/v1/customers/{customer}/tokens/{token}', { params: { path: { customer: w.customer, token } } }))
    : must(api.DELETE('/api/v1/nodes/{node}/tokens/{token}', { params: { path: { node: w.node, token } } }));

function List({ items, whose }: { items: Token[]; whose: Whose }) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Token | null>(null);
  const remove = async () => {
    await end(whose, gone!.id);
    toast('The token has ended.');
    await client.invalidateQueries({ queryKey: keyOf(whose) });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={720}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>May</Table.Th>
              <Table.Th>Works from</Table.Th>
              <Table.Th>Made by</Table.Th>
              <Table.Th>Last used</Table.Th>
              <Table.Th>Ends</Table.Th>
              <Table.Th><span className="sr">End</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((t) => (
              <Table.Tr key={t.id}>
                <Table.Td fw={550}>{t.name}</Table.Td>
                <Table.Td maw={260}>{t.acts.map(words).join(', ')}</Table.Td>
                <Table.Td className="num">{t.networks.length === 0 ? 'Everywhere' : t.networks.map((n) => <div key={n}>{n}</div>)}</Table.Td>
                <Table.Td>{t.created_by}</Table.Td>
                <Table.Td>{ago(t.last_used_at)}{t.last_network && <Text size="xs" c="dimmed">from {t.last_network}</Text>}</Table.Td>
                <Table.Td className={dayjs(t.expires_at).isBefore(dayjs()) ? 'negative' : undefined}>{moment(t.expires_at)}</Table.Td>
                <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => setGone(t)} aria-label={`End ${t.name}`}>End</Button></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`End “${gone?.name}”?`} act="End the token" opened={gone !== null} onClose={() => setGone(null)} onConfirm={remove}>
        Whatever uses it is refused from now on.
      </Confirm>
    </>
  );
}

// With these a stolen token could make itself a successor; the server gives them to no machine.
const personal = [
  'member.manage', 'superuser.grant', 'support.grant', 'token.manage', 'session.manage', 'signin.set',
  'idp.manage', 'scim.manage', 'accesslist.manage', 'review.decide', 'checklist.sign',
];

const ends = [
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In one year' },
];

function Make({ whose, onClose, onMade }: { whose: Whose; onClose: () => void; onMade: (secret: string) => void }) {
  const client = useQueryClient();
  const acts = usePlace('customer' in whose ? whose.customer : whose.node)?.acts.filter((a) => !personal.includes(a)) ?? [];
  const [form, setForm] = useState({ name: '', acts: [] as string[], networks: [] as string[], days: '90' });
  const make = useMutation({
    mutationFn: () => {
      const body = { name: form.name, acts: form.acts, networks: form.networks, expires_at: dayjs().add(Number(form.days), 'day').toISOString() };
      return 'customer' in whose
        ? must(api.POST('/api/v1/customers/{customer}/tokens', { params: { path: { customer: whose.customer } }, body }))
        : must(api.POST('/api/v1/nodes/{node}/tokens', { params: { path: { node: whose.node } }, body }));
    },
    onSuccess: (made) => {
      onMade(made.secret);
      onClose();
      return client.invalidateQueries({ queryKey: keyOf(whose) });
    },
  });
  const p = make.error instanceof Problem ? make.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Make a token" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Name" description="What will use it" required data-autofocus maxLength={100} value={form.name} error={p?.about('name')} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} />
          <Checkbox.Group label="It may" description="Only what your own roles allow can be given on" value={form.acts} onChange={(v) => setForm({ ...form, acts: v })} error={p?.about('acts')}>
            <SimpleGrid cols={{ base: 1, xs: 2 }} spacing={8} mt={8}>
              {acts.map((a) => (
                <Checkbox key={a} value={a} label={words(a)} />
              ))}
            </SimpleGrid>
          </Checkbox.Group>
          <TagsInput
            label="Works from" description="Addresses and networks, such as 203.0.113.0/24; none: from everywhere" value={form.networks} onChange={(v) => setForm({ ...form, networks: v })}
            error={p?.faults.find((f) => f.location?.includes('networks'))?.message} maxTags={50} clearable clearButtonProps={{ 'aria-label': 'Clear the networks' }}
          />
          <Select label="Ends" data={ends} value={form.days} onChange={(v) => setForm({ ...form, days: v ?? '90' })} allowDeselect={false} w={200} error={p?.about('expires_at')} />
          {make.error != null && !p?.faults.length && <Failed error={make.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={make.isPending} disabled={form.acts.length === 0}>Make</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
