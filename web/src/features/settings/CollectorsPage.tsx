import { Button, Group, Modal, Select, Stack, Table, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Device, NewDevice, Source } from '../../api/types';
import { Confirm } from '../../ui/Confirm';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { CopyLine, SecretOnce } from '../../ui/SecretOnce';
import { Answered, Empty, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { CollectorRow } from './CollectorRow';
import { devices, sources } from './queries';

export function CollectorsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(devices(customer));
  const from = useQuery(sources(customer)).data?.items ?? [];
  const [naming, setNaming] = useState(false);
  const [made, setMade] = useState<NewDevice | null>(null);
  return (
    <Page
      title="Collectors" about="A collector runs beside the telephone system: it seals each recording to your public key, so neither the line nor a stolen box holds anything that can be opened."
      actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setNaming(true)}>Name a collector</Button>}
    >
      {made && <Enrol device={made} source={from.find((s) => s.id === made.source_id)} onDone={() => setMade(null)} />}
      <div className="card">
        <Answered query={query}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty icon="device" title="No collector yet">First add a source of the kind “collector”, then name the collector here: you get a code and the commands to run.</Empty>
            ) : (
              <List items={data.items} from={from} customer={customer} />
            )
          }
        </Answered>
      </div>
      {naming && <Name customer={customer} from={from} onClose={() => setNaming(false)} onMade={setMade} />}
    </Page>
  );
}

/** Enrol gives the exact commands: the code works once and is never shown again. */
function Enrol({ device, source, onDone }: { device: NewDevice; source?: Source; onDone: () => void }) {
  const folders = source?.profile === 'asterisk' ? '--from /var/spool/asterisk/monitor --logs /var/log/asterisk' : '--from /path/to/recordings';
  return (
    <SecretOnce title={`Enrol ${device.name}: the code is shown this once, and works until ${moment(device.code_until)}`} onDone={onDone}>
      <CopyLine text={device.enrolment_code} label="Enrolment code" />
      <Text size="sm">On the box beside the telephone system, as an administrator. Add --dry-run to see first what would be written:</Text>
      <CopyLine text={`ringfence collect install --server ${location.origin} --code ${device.enrolment_code} ${folders}`} label="Install command" />
      <Text size="sm">It enrols the box, proves that it reaches this server and can read the folder, and runs it as a service. How it stands, at any time:</Text>
      <CopyLine text="ringfence collect status" label="Status command" />
    </SecretOnce>
  );
}

function List({ items, from, customer }: { items: Device[]; from: Source[]; customer: string }) {
  const client = useQueryClient();
  const [gone, setGone] = useState<Device | null>(null);
  const revoke = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/devices/{device}', { params: { path: { customer, device: gone!.id } } }));
    toast(`${gone!.name} is refused from now on.`);
    await client.invalidateQueries({ queryKey: here(customer, 'devices') });
  };
  return (
    <>
      <Table.ScrollContainer minWidth={620}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Last seen</Table.Th>
              <Table.Th>Release</Table.Th>
              <Table.Th><span className="sr">Change or refuse</span></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((d) => <CollectorRow key={d.id} device={d} customer={customer} source={from.find((x) => x.id === d.source_id)?.name ?? '–'} onRefuse={() => setGone(d)} />)}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm title={`Refuse ${gone?.name}?`} act="Refuse the collector" opened={gone !== null} onClose={() => setGone(null)} onConfirm={revoke}>
        The server takes nothing from it any more. What waits on the box stays there; a new code enrols it anew.
      </Confirm>
    </>
  );
}

function Name({ customer, from, onClose, onMade }: { customer: string; from: Source[]; onClose: () => void; onMade: (d: NewDevice) => void }) {
  const client = useQueryClient();
  const fit = from.filter((s) => s.kind === 'collector');
  const [name, setName] = useState('');
  const [source, setSource] = useState<string | null>(fit[0]?.id ?? null);
  const make = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/devices', { params: { path: { customer } }, body: { name, source_id: source! } })),
    onSuccess: (device) => {
      onMade(device);
      onClose();
      return client.invalidateQueries({ queryKey: here(customer, 'devices') });
    },
  });
  const p = make.error instanceof Problem ? make.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Name a collector" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          {fit.length === 0 && <Text size="sm">There is no source of the kind “collector” yet. Add one under Sources first.</Text>}
          <TextInput label="Name" description="The box it runs on" required data-autofocus value={name} maxLength={100} error={p?.about('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <Select label="Source" required allowDeselect={false} data={fit.map((s) => ({ value: s.id, label: s.name }))} value={source} onChange={setSource} error={p?.about('source_id')} />
          {make.error != null && !p?.faults.length && <Failed error={make.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={make.isPending} disabled={!source}>Get a code</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
