import { Anchor, Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link as To, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { sentence } from '../../api/errors';
import { moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { Links } from './Links';
import { OnlyCard } from './OnlyCard';
import { ProviderForm } from './ProviderForm';
import { causes, providers, type Provider } from './queries';

export function ProvidersPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(providers(customer));
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Single sign-on"
      about="Your own identity providers. What they say opens this organisation and nothing else; roles follow their groups at every sign-in."
      actions={<Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)} disabled={!query.data}>Add a provider</Button>}
    >
      <Answered query={query}>
        {(data) => (
          <>
            <Card title="Identity providers" flush>
              {data.items.length === 0 ? (
                <Empty icon="key" title="None yet">People sign in with a password and a second factor. Add your Entra ID, Okta, Keycloak or any other provider that speaks OpenID Connect or SAML 2.0.</Empty>
              ) : (
                <List customer={customer} items={data.items} />
              )}
            </Card>
            <Links customer={customer} providers={data.items} />
            {data.items.length > 0 && <OnlyCard customer={customer} />}
          </>
        )}
      </Answered>
      {adding && (
        <ProviderForm
          customer={customer} onClose={() => setAdding(false)}
          onSaved={(p) => void navigate({ to: '/c/$customer/settings/sso/$provider', params: { customer, provider: p.id }, search: {} })}
        />
      )}
    </Page>
  );
}

function List({ customer, items }: { customer: string; items: Provider[] }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Domains</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((p) => (
            <Table.Tr key={p.id}>
              <Table.Td>
                <Anchor component={To} to={`/c/${customer}/settings/sso/${p.id}`} fw={550} size="sm">{p.name}</Anchor>
                <Text size="xs" c="dimmed">{p.kind === 'oidc' ? 'OpenID Connect' : 'SAML 2.0'} · {p.issuer}</Text>
              </Table.Td>
              <Table.Td><Health of={p} /></Table.Td>
              <Table.Td>
                <Text size="sm">{p.domains.map((d) => (d.verified_at ? d.domain : `${d.domain} (not shown yet)`)).join(', ') || '–'}</Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Health tells how a provider fares: whether it is on, when it last let somebody in, and why it last did not. */
export function Health({ of: p }: { of: Provider }) {
  const { success_at: good, failure_at: bad, cause, text } = p.health;
  const ill = bad && (!good || bad > good);
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Badge color={p.enabled ? 'teal' : 'gray'} variant="light">{p.enabled ? 'On' : 'Off'}</Badge>
        {good && <Text size="xs" c="dimmed">last worked {moment(good)}</Text>}
      </Group>
      {ill && cause && (
        <Text size="xs">
          <b>{causes[cause] ?? cause}</b>, {moment(bad)}. {sentence(text ?? '')}
        </Text>
      )}
    </Stack>
  );
}
