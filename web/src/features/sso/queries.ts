import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

type Shapes = components['schemas'];
export type Provider = Shapes['IdentityProvider'];
export type Settings = Shapes['ProviderSettings'];
export type Test = Shapes['ProviderTest'];
export type Domain = Shapes['ProviderDomain'];
export type Link = Shapes['IdentityLink'];
export type Rule = Shapes['RoleRule'];
export type Policy = Shapes['SignInPolicy'];

/** The topic that the server wakes when a provider, a link or a test changes. */
export const topic = 'identity-providers';

const at = (customer: string) => ({ params: { path: { customer } } });

export const providers = (customer: string) =>
  queryOptions({ queryKey: here(customer, topic), queryFn: () => must(api.GET('/api/v1/customers/{customer}/identity-providers', at(customer))) });

export const provider = (customer: string, id: string) =>
  queryOptions({
    queryKey: here(customer, topic, id),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/identity-providers/{provider}', { params: { path: { customer, provider: id } } })),
  });

export const test = (customer: string, provider: string, id: string) =>
  queryOptions({
    queryKey: here(customer, topic, provider, 'test', id),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/identity-providers/{provider}/tests/{test}', { params: { path: { customer, provider, test: id } } })),
  });

export const links = (customer: string) =>
  queryOptions({
    queryKey: here(customer, topic, 'links'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/identity-links', { params: { path: { customer }, query: { limit: 200 } } })),
  });

export const policy = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'sign-in-policy'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/sign-in-policy', at(customer))) });

/** causes says in a few words what went wrong; the server's own text follows it. */
export const causes: Record<string, string> = {
  down: 'The provider is down',
  slow: 'The provider is too slow',
  forbidden: 'Its address may not be reached',
  broken: 'It answers, but not as the standard says',
  issuer: 'It has another name than the one set up',
  keys: 'Signed with a key that it does not publish',
  audience: 'Meant for somebody else',
  expired: 'Too old',
  clock: 'Clocks differ',
  mismatch: 'Not an answer to this sign-in',
  replayed: 'Used before',
  client: 'The provider does not know us',
  denied: 'The provider refused the person',
  incomplete: 'Something is missing in what it sent',
  stranger: 'Nobody here is linked to this person',
  unlinked: 'An administrator has to confirm who this is',
  subject: 'The same person under another subject',
  'no-role': 'No rule gives a role',
  taken: 'An extension that is somebody else’s',
  off: 'The provider is switched off',
};
