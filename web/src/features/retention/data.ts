import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

type Shapes = components['schemas'];
export type Rules = Shapes['RetentionRules'];
export type Policy = Shapes['RetentionPolicy'];
export type Rule = Shapes['RetentionRule'];
export type When = Shapes['RetentionWhen'];
export type Preview = Shapes['RetentionPreview'];
export type Going = Shapes['RetentionGoing'];
export type Set = Shapes['RetentionSet'];
export type Tag = Shapes['Tag'];

const at = (customer: string) => ({ path: { customer } });

export const rules = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'retention', 'rules'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/retention/rules', { params: at(customer) })) });

export const tags = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'tags'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/tags', { params: at(customer) })) });

export const makeTag = (customer: string, name: string) => must(api.POST('/api/v1/customers/{customer}/tags', { params: at(customer), body: { name } }));

export const preview = (customer: string, body: Policy) => must(api.POST('/api/v1/customers/{customer}/retention/rules-preview', { params: at(customer), body }));

export const going = (customer: string, body: Policy, cursor: string) =>
  must(api.POST('/api/v1/customers/{customer}/retention/rules-going', { params: { ...at(customer), query: { cursor, limit: 50 } }, body }));

export const save = (customer: string, body: { version: number; policy: Policy; confirm?: number; reason?: string }) =>
  must(api.PUT('/api/v1/customers/{customer}/retention/rules', { params: at(customer), body }));

export const withdraw = (customer: string) => must(api.DELETE('/api/v1/customers/{customer}/retention/rules/pending', { params: at(customer) }));

/** period says how long in words. */
export const period = (days: number) => (days === 0 ? 'for ever' : days % 365 === 0 ? (days === 365 ? 'one year' : `${days / 365} years`) : days === 1 ? 'one day' : `${days} days`);

/** ends says what happens at the end of a period. */
export function ends(r: { days: number; then: string; text_days?: number }): string {
  if (r.days === 0) return 'Kept for ever';
  if (r.then === 'delete-sound') return `Sound kept ${period(r.days)}, transcript ${period(r.text_days ?? 0)}`;
  return `Kept ${period(r.days)}, then ${r.then === 'keep-figures' ? 'only figures stay' : 'all is destroyed'}`;
}

/** saysWhen is a condition in words. */
export function saysWhen(w: When, named: readonly Tag[]): string {
  const parts: string[] = [];
  const say = (what: string, values?: string[]) => values?.length && parts.push(`${what} ${values.join(' or ')}`);
  say('marked', w.marks);
  say('labelled', w.tags?.map((t) => named.find((n) => n.id === t)?.name ?? 'a label'));
  say('extension', w.extensions);
  say('queue', w.queues);
  say('outcome', w.outcomes);
  say('direction', w.directions);
  say('language', w.languages);
  if (w.length) parts.push(w.length.to ? `${w.length.from} to ${w.length.to} seconds long` : `${w.length.from} seconds or longer`);
  return parts.join(', ') || 'all recordings';
}
