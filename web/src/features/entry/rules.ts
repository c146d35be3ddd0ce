import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

type Shapes = components['schemas'];
export type Rules = Shapes['AccessRules'];
export type Rule = Shapes['AccessRule'];
export type Surface = Shapes['Surface'];
export type Draft = Shapes['AccessRuleDraft'];
export type Effect = Shapes['AccessRuleEffect'];

/** Whose rules: a customer's, or those of a provider or reseller. */
export type Whose = { customer: string } | { node: string };

const key = (w: Whose) => ('customer' in w ? here(w.customer, 'access-rules') : (['node', w.node, 'access-rules'] as const));

export const rules = (w: Whose, address?: string) =>
  queryOptions({
    queryKey: [...key(w), address ?? ''],
    queryFn: (): Promise<Rules> =>
      'customer' in w
        ? must(api.GET('/api/v1/customers/{customer}/access-rules', { params: { path: { customer: w.customer }, query: { address } } }))
        : must(api.GET('/api/v1/nodes/{node}/access-rules', { params: { path: { node: w.node }, query: { address } } })),
  });

export const add = (w: Whose, body: Draft, dry_run: boolean): Promise<Effect> =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/access-rules', { params: { path: { customer: w.customer }, query: { dry_run } }, body }))
    : must(api.POST('/api/v1/nodes/{node}/access-rules', { params: { path: { node: w.node }, query: { dry_run } }, body }));

export const remove = (w: Whose, rule: string): Promise<Effect> =>
  'customer' in w
    ? must(api.DELETE('/api/v1/customers/{customer}/access-rules/{rule}', { params: { path: { customer: w.customer, rule } } }))
    : must(api.DELETE('/api/v1/nodes/{node}/access-rules/{rule}', { params: { path: { node: w.node, rule } } }));

export const root = key;

/** What a surface is called, and who comes in by it. */
export const surfaces: Record<string, { name: string; about: string }> = {
  portal: { name: 'Portal', about: 'People who are signed in' },
  api: { name: 'API', about: 'Machines with a token' },
  scim: { name: 'SCIM', about: 'An identity provider that pushes people' },
  collectors: { name: 'Collectors', about: 'Boxes beside telephone systems' },
  administration: { name: 'Administration', about: 'Changing settings' },
};
