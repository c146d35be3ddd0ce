import { Alert, Anchor, Button, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import type { components } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Answered, Failed } from '../../ui/States';
import { Entrance } from '../signin/Entrance';

type Choice = components['schemas']['SignInChoice'];

/** refusals are all that the server can say of a sign-in elsewhere that ended outside; the words are ours, so nobody can have the page say theirs. */
const refusals: Record<string, string> = {
  again: 'That sign-in was over, or began in another browser. Begin again.',
  unconfirmed: 'Your organisation knows somebody with your address. An administrator has to confirm that it is you; they can see it now.',
  'no-access': 'Your organisation’s sign-in works, but gives you no role here. Ask your administrator.',
  denied: 'Your organisation’s sign-in did not let you in.',
  provider: 'Your organisation’s sign-in sent something that cannot be believed. Your administrator can see why.',
  failed: 'Something went wrong on our side. Begin again.',
};

/** Refused tells why a sign-in at an identity provider ended outside. */
export function Refused({ word }: { word?: string }) {
  const text = word && Object.hasOwn(refusals, word) ? refusals[word] : null;
  if (!text) return null;
  return (
    <Alert color="yellow" variant="light" icon={<Icon name="warn" />} role="alert" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      {text}
    </Alert>
  );
}

function useStart(next?: string) {
  return useMutation({
    mutationFn: (c: Choice) => must(api.POST('/api/v1/sign-in/sso/start', { body: { customer_id: c.customer_id, provider_id: c.provider_id, next } })),
    onSuccess: ({ url }) => location.assign(url),
  });
}

function Choices({ list, next }: { list: Choice[]; next?: string }) {
  const start = useStart(next);
  return (
    <Stack>
      {list.map((c) => (
        <Button key={c.provider_id} leftSection={<Icon name="key" size={16} />} loading={start.isPending && start.variables === c} onClick={() => start.mutate(c)}>
          Continue with {c.name}
        </Button>
      ))}
      {start.error != null && <Failed error={start.error} />}
    </Stack>
  );
}

const ByPassword = () => (
  <Text size="sm" c="dimmed">
    <Anchor component={Link} to="/sign-in" size="sm">Sign in with a password</Anchor> instead.
  </Text>
);

const direct = getRouteApi('/sign-in/at/$customer');

/** DirectPage is where a customer's own link leads. */
export function DirectPage() {
  const { customer } = direct.useParams();
  const { next } = direct.useSearch();
  const query = useQuery({ queryKey: ['sign-in', customer], queryFn: () => must(api.GET('/api/v1/sign-in/sso/{customer}', { params: { path: { customer } } })) });
  return (
    <Entrance title="Sign in">
      <Answered query={query} rows={1}>
        {({ providers }) => (
          <Stack>
            {providers.length > 0 ? <Choices list={providers} next={next} /> : <Text size="sm">There is no sign-in of an organisation at this address. Ask your administrator for the link.</Text>}
            <ByPassword />
          </Stack>
        )}
      </Answered>
    </Entrance>
  );
}

const organisation = getRouteApi('/sign-in/organisation');

/** OrganisationPage finds the provider by the domain of an address. */
export function OrganisationPage() {
  const { next } = organisation.useSearch();
  const [email, setEmail] = useState('');
  const start = useStart(next);
  const find = useMutation({
    mutationFn: () => must(api.POST('/api/v1/sign-in/sso', { body: { email: email.trim() } })),
    onSuccess: ({ providers }) => providers.length === 1 && start.mutate(providers[0]!),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    find.mutate();
  };
  return (
    <Entrance title="Sign in with your organisation" about="Type your work address; you are sent to your organisation’s own sign-in.">
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="E-mail" type="email" autoComplete="username" required withAsterisk={false} autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
          {find.data?.providers.length === 0 && <Text size="sm" role="status">No organisation here has a sign-in for this domain. Use its direct link, or your password.</Text>}
          {find.data && find.data.providers.length > 1 && <Choices list={find.data.providers} next={next} />}
          {(find.error ?? start.error) != null && <Failed error={find.error ?? start.error} />}
          <Button type="submit" loading={find.isPending || start.isPending || start.isSuccess}>Continue</Button>
          <ByPassword />
        </Stack>
      </form>
    </Entrance>
  );
}
