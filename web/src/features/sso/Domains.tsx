import { Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { api, here, must } from '../../api/client';
import { Problem, sentence } from '../../api/errors';
import { Card } from '../../ui/Page';
import { CopyLine } from '../../ui/SecretOnce';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { topic, type Domain, type Provider } from './queries';

/** Domains: whose addresses are sent to this provider, once a DNS record shows that they are the customer's. */
export function Domains({ customer, of: p }: { customer: string; of: Provider }) {
  const client = useQueryClient();
  const [domain, setDomain] = useState('');
  const again = () => client.invalidateQueries({ queryKey: here(customer, topic) });
  const claim = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/identity-providers/{provider}/domains', { params: { path: { customer, provider: p.id } }, body: { domain } })),
    onSuccess: async () => {
      setDomain('');
      await again();
    },
  });
  const problem = claim.error instanceof Problem ? claim.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    claim.mutate();
  };
  return (
    <Card title="E-mail domains" about="Who types an address of these on the sign-in page is sent to this provider. Without one, people use the direct link.">
      <Stack>
        {p.domains.map((d) => <One key={d.id} customer={customer} of={d} again={again} />)}
        <form onSubmit={submit}>
          <Group align="flex-end" gap="sm">
            <TextInput label="Domain" placeholder="example.com" required value={domain} error={problem?.about('domain')} onChange={(e) => setDomain(e.currentTarget.value)} />
            <Button type="submit" variant="default" loading={claim.isPending}>Add the domain</Button>
          </Group>
        </form>
        {claim.error != null && !problem?.faults.length && <Failed error={claim.error} />}
      </Stack>
    </Card>
  );
}

function One({ customer, of: d, again }: { customer: string; of: Domain; again: () => Promise<void> }) {
  const at = { params: { path: { customer, domain: d.id } } };
  const verify = useMutation({ mutationFn: () => must(api.POST('/api/v1/customers/{customer}/identity-domains/{domain}/verify', at)), onSuccess: again });
  const release = useMutation({
    mutationFn: () => must(api.DELETE('/api/v1/customers/{customer}/identity-domains/{domain}', at)),
    onSuccess: async () => {
      toast(`${d.domain} was given up.`);
      await again();
    },
  });
  const error = verify.error ?? release.error;
  return (
    <Stack gap="xs" role="group" aria-label={d.domain}>
      <Group gap="sm">
        <Text fw={550}>{d.domain}</Text>
        <Badge color={d.verified_at ? 'teal' : 'gray'} variant="light">{d.verified_at ? 'Shown to be yours' : 'Not shown yet'}</Badge>
        <Button size="compact-sm" variant="default" loading={release.isPending} onClick={() => release.mutate()} aria-label={`Give up ${d.domain}`}>Give up</Button>
      </Group>
      {!d.verified_at && (
        <>
          <Text size="sm">Add a DNS text record with this name and this value, then look for it.</Text>
          <CopyLine text={d.record} label={`Name of the record of ${d.domain}`} />
          <CopyLine text={d.value} label={`Value of the record of ${d.domain}`} />
          <Group><Button size="xs" variant="default" loading={verify.isPending} onClick={() => verify.mutate()}>Look for the record</Button></Group>
        </>
      )}
      {error instanceof Problem && error.status === 409 ? <Text size="sm" role="status">{sentence(error.detail)}</Text> : error != null && <Failed error={error} />}
    </Stack>
  );
}
