import { Alert, Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { useMay, usePlace } from '../../api/me';
import { Confirm } from '../../ui/Confirm';
import { count, exact, moment } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Fact, Facts, History, Rhythm, Running } from './parts';
import { keyHistory, keysOf, type Keys } from './queries';
import { Server } from './Server';

/** KeysPage is how old the customer's key is, where it lies and who holds it. */
export function KeysPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const may = useMay(customer);
  const keys = useQuery(keysOf(customer));
  const history = useQuery(keyHistory(customer));
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: here(customer, 'keys') });
  const rotate = async () => {
    await must(api.POST('/api/v1/customers/{customer}/keys/rotation', { params: { path: { customer } }, body: { what: 'rotate' } }));
    toast('A new key is taking over. Everything goes on meanwhile.');
    await again();
  };
  const manage = may('key.manage');
  return (
    <Page
      title="Keys"
      about="Every recording has keys of its own; all of them are under the customer key. Rotating it gives a new one and puts everything under that: no recording is touched, and nothing stops."
      actions={manage && <Button disabled={!keys.data || !!keys.data.running} onClick={() => setAsking(true)}>Rotate the key</Button>}
    >
      <Answered query={keys} rows={6}>
        {(k) => (
          <>
            {k.running && <Running of={k.running} />}
            {k.failing && k.holder && (
              <Alert color="red" title="Nothing is opened at the moment" mb="md">
                <Text size="sm">{k.failing}</Text>
                <Text size="sm" mt={4}>Recordings are taken in and kept. They open once the key server lends the key again.</Text>
              </Alert>
            )}
            <State k={k} />
            <Card title="Reminder">
              <Rhythm
                key={k.months} months={k.months} due={k.due_at} may={manage}
                onSave={async (months) => {
                  await must(api.PUT('/api/v1/customers/{customer}/keys/rhythm', { params: { path: { customer } }, body: { months } }));
                  await again();
                }}
              />
            </Card>
            <Holding k={k} customer={customer} may={manage} onChange={again} />
          </>
        )}
      </Answered>
      <History query={history} counts="Keys" />
      <Confirm title="Rotate the customer key?" act="Rotate the key" opened={asking} onClose={() => setAsking(false)} onConfirm={rotate}>
        A new key is made, each key of a recording is put under it, and the old one is erased in every place. Playing and receiving go on. Backups of keys from before hold the old one until they run out.
      </Confirm>
    </Page>
  );
}

function State({ k }: { k: Keys }) {
  return (
    <Card title="The customer key">
      <Facts>
        <Fact name="Held by">
          {k.holder ? <><Badge color={k.failing ? 'red' : 'teal'} mr={6}>Your own key server</Badge>{k.holder}</> : 'This installation'}
        </Fact>
        <Fact name="Made"><span title={exact(k.made_at)}>{moment(k.made_at)}</span> · {k.age_days === 0 ? 'today' : `${count(k.age_days, 'day')} ago`} · version {k.version}</Fact>
        <Fact name="Copies">{k.copies === 1 ? 'One: sources are only kept until there is a second' : `${k.copies} places`}</Fact>
        <Fact name="Keys under it">{k.keys.toLocaleString()}{k.waiting > 0 && ` · ${k.waiting.toLocaleString()} wait for the key server`}</Fact>
        <Fact name="Destroyed">{k.dead.toLocaleString()}</Fact>
      </Facts>
    </Card>
  );
}

type HoldingProps = { k: Keys; customer: string; may: boolean; onChange: () => Promise<unknown> };

/** Holding is who holds the key, and how that changes. */
function Holding({ k, customer, may, onChange }: HoldingProps) {
  const name = usePlace(customer)?.name ?? '';
  const [over, setOver] = useState(false);
  const [back, setBack] = useState(false);
  const [typed, setTyped] = useState('');
  const ask = async (what: 'hand-over' | 'take-back') => {
    await must(api.POST('/api/v1/customers/{customer}/keys/rotation', { params: { path: { customer } }, body: { what, confirm: typed } }));
    toast(what === 'hand-over' ? 'The key is being handed over.' : 'The key is being taken back.');
    setTyped('');
    await onChange();
  };
  const inForce = k.server?.name === k.holder;
  return (
    <Card
      title="Hold your own key"
      about="A HashiCorp Vault or an OpenBao of yours can hold the key: without it nothing is opened, not by us either. Refuse, and playing stops within five minutes; recordings are still taken in."
    >
      <Stack>
        <Server key={k.server?.set_at ?? 'new'} customer={customer} server={k.server} may={may} onSaved={onChange} />
        {may && (
          <Group>
            {!inForce && <Button color="red" variant="light" disabled={!k.server || !!k.running} onClick={() => setOver(true)}>Hand the key over…</Button>}
            {k.holder && <Button variant="default" disabled={!!k.running} onClick={() => setBack(true)}>Take the key back…</Button>}
          </Group>
        )}
      </Stack>
      <Confirm title="Hand the key over to your own key server?" act="Hand it over" opened={over} onClose={() => setOver(false)} onConfirm={() => ask('hand-over')}>
        <Stack gap="sm">
          <Text size="sm">
            From then on <b>the loss of your key is the loss of every recording</b>: if it is deleted, or its server is lost without a backup, nobody can open them again, and we cannot help.
            Sign-in, settings and taking recordings in do not need it.
          </Text>
          <TextInput label={`Type the name of this customer, ${name}, to say so`} value={typed} autoComplete="off" onChange={(e) => setTyped(e.currentTarget.value)} />
        </Stack>
      </Confirm>
      <Confirm title="Take the key back?" act="Take it back" opened={back} onClose={() => setBack(false)} onConfirm={() => ask('take-back')}>
        A new key is made that this installation holds, and everything is put under it. Your key server has to lend the old one for that, a last time.
      </Confirm>
    </Card>
  );
}
