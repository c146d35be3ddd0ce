import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, here, must } from '../../api/client';
import { Confirm } from '../../ui/Confirm';
import { day } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { CopyLine } from '../../ui/SecretOnce';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { Domains } from './Domains';
import { Fields } from './ProviderForm';
import { Health } from './ProvidersPage';
import { provider, topic, type Provider } from './queries';
import { Report } from './Report';

const route = getRouteApi('/in/c/$customer/settings/sso/$provider');

export function ProviderPage() {
  const { customer, provider: id } = route.useParams();
  const { test } = route.useSearch();
  const query = useQuery(provider(customer, id));
  return (
    <Page title={query.data?.name ?? 'Identity provider'} about={query.data && <Health of={query.data} />} actions={query.data && <Removal customer={customer} of={query.data} />}>
      <Answered query={query}>
        {(p) => (
          <>
            {test && <Report customer={customer} provider={id} id={test} />}
            <Trial customer={customer} of={p} />
            <Addresses of={p} />
            <Card title="Settings">
              <Fields key={p.changed_at} customer={customer} provider={p} onSaved={() => {}} />
            </Card>
            {p.certificates.length > 0 && <Certificates of={p} />}
            <Domains customer={customer} of={p} />
          </>
        )}
      </Answered>
    </Page>
  );
}

/** Trial sends the browser to the provider and back; nobody is signed in by it. */
function Trial({ customer, of: p }: { customer: string; of: Provider }) {
  const begin = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/identity-providers/{provider}/tests', { params: { path: { customer, provider: p.id } } })),
    onSuccess: (t) => location.assign(t.url),
  });
  return (
    <Card title="Test sign-in" about="Shows what arrives, which checks it passes and which roles it would give. Nobody is signed in by it, and it works while the provider is off.">
      <Stack align="flex-start">
        <Button leftSection={<Icon name="eye" size={16} />} loading={begin.isPending || begin.isSuccess} onClick={() => begin.mutate()}>Test the sign-in</Button>
        {begin.error != null && <Failed error={begin.error} />}
      </Stack>
    </Card>
  );
}

function Addresses({ of: p }: { of: Provider }) {
  const at = p.addresses;
  const lines =
    p.kind === 'oidc'
      ? [['Redirect address', at.callback]]
      : [['Entity id, and address of our metadata', at.entity], ['Assertion consumer service', at.acs]];
  return (
    <Card title="To type at the provider">
      <Stack gap="sm">
        {lines.map(([label, text]) => (
          <div key={label}>
            <Text size="sm" fw={500} mb={4}>{label}</Text>
            <CopyLine text={text!} label={label!} />
          </div>
        ))}
        <div>
          <Text size="sm" fw={500} mb={4}>Direct sign-in link for your people</Text>
          <CopyLine text={at.direct} label="Direct sign-in link" />
        </div>
        {p.kind === 'saml' && (
          <Text size="sm" c="dimmed">The provider must sign the response or its assertion with SHA-256, not encrypt it, and send a NameID that stays the same.</Text>
        )}
      </Stack>
    </Card>
  );
}

function Certificates({ of: p }: { of: Provider }) {
  return (
    <Card title="Signing certificates" about={p.metadata_url ? 'Read again by itself when the provider signs with a new one.' : 'Upload newer metadata before these end.'} flush>
      <Table.ScrollContainer minWidth={480}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>SHA-256</Table.Th><Table.Th>Until</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {p.certificates.map((c) => (
              <Table.Tr key={c.sha256}>
                <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>{c.sha256}</Table.Td>
                <Table.Td>{day(c.until)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

function Removal({ customer, of: p }: { customer: string; of: Provider }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const remove = async () => {
    await must(api.DELETE('/api/v1/customers/{customer}/identity-providers/{provider}', { params: { path: { customer, provider: p.id } } }));
    toast(`${p.name} was removed.`);
    await navigate({ to: '/c/$customer/settings/sso', params: { customer } });
    await client.invalidateQueries({ queryKey: here(customer, topic) });
  };
  return (
    <Group>
      <Button variant="default" onClick={() => setAsked(true)}>Remove</Button>
      <Confirm title={`Remove ${p.name}?`} act="Remove" opened={asked} onClose={() => setAsked(false)} onConfirm={remove}>
        Whoever is signed in by it is signed out. Its domains and whom it knows are forgotten; members stay members.
      </Confirm>
    </Group>
  );
}
