import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Overview = components['schemas']['CoverageOverview'];
export type Day = components['schemas']['CoverageDay'];
export type Call = components['schemas']['CoverageCall'];
export type Statement = components['schemas']['CoverageStatement'];
export type Excuse = components['schemas']['Excuse'];
export type ExcuseSettings = components['schemas']['ExcuseSettings'];
export type Effect = components['schemas']['ExcuseEffect'];

const at = (customer: string) => ({ path: { customer } });

export const overview = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'coverage'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/coverage', { params: at(customer) })) });

/** sumOf adds up what should be there, and what of it is missing or not named, over the days that are shown. */
export function sumOf(data: Overview) {
  const sum = { should: 0, missing: 0, unnamed: 0, days: new Set(data.days.map((d) => d.day)).size };
  for (const { counts: c } of data.days) {
    sum.should += c.captured + c.erased + c.missing;
    sum.missing += c.missing;
    sum.unnamed += c.unnamed;
  }
  return sum;
}

/** share is how much of what should be there is: two digits where something is missing, so that it never reads as all. */
export const share = (sum: { should: number; missing: number }) => `${(Math.floor(1e4 * (1 - sum.missing / sum.should)) / 100).toFixed(sum.missing ? 2 : 0)} %`;

export type CallFilter = { state?: Call['state']; source?: string; cursor?: string };

export const calls = (customer: string, query: CallFilter) =>
  queryOptions({
    queryKey: here(customer, 'coverage', 'calls', JSON.stringify(query)),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/coverage/calls', { params: { ...at(customer), query: { ...query, limit: 100 } } })),
  });

export const statements = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'coverage', 'statements'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/coverage/statements', { params: at(customer) })) });

export const excuses = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'coverage', 'excuses'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/coverage/excuses', { params: at(customer) })) });

export const preview = (customer: string, id: string | undefined, body: ExcuseSettings) =>
  must(api.POST('/api/v1/customers/{customer}/coverage/excuses-preview', { params: at(customer), body: { id, ...body } }));

export const saveExcuse = (customer: string, excuse: string | undefined, body: ExcuseSettings) =>
  excuse
    ? must(api.PUT('/api/v1/customers/{customer}/coverage/excuses/{excuse}', { params: { path: { customer, excuse } }, body }))
    : must(api.POST('/api/v1/customers/{customer}/coverage/excuses', { params: at(customer), body }));

export const removeExcuse = (customer: string, excuse: string) =>
  must(api.DELETE('/api/v1/customers/{customer}/coverage/excuses/{excuse}', { params: { path: { customer, excuse } } }));

export const excuseCall = (customer: string, expectation: string, reason: string) =>
  must(api.POST('/api/v1/customers/{customer}/coverage/calls/{expectation}/excuse', { params: { path: { customer, expectation } }, body: { reason } }));

export const file = (customer: string, statement: string, paper: boolean) => `/api/v1/customers/${customer}/coverage/statements/${statement}${paper ? '/paper' : ''}`;
