import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Breach = components['schemas']['Breach'];
export type Report = components['schemas']['BreachReport'];

export const kinds: Record<Breach['kind'], string> = {
  session: 'A session', person: "Somebody's account", token: 'An API token', support: 'A support access', device: 'A collector', 'customer-key': "The customer's key", 'root-key': 'The root key',
};

export const breaches = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'breaches'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/breaches', { params: { path: { customer } } })) });
export const breach = (customer: string, id: string) =>
  queryOptions({ queryKey: here(customer, 'breaches', id), queryFn: () => must(api.GET('/api/v1/customers/{customer}/breaches/{breach}', { params: { path: { customer, breach: id } } })) });
export const report = (customer: string, id: string) =>
  queryOptions({ queryKey: here(customer, 'breaches', id, 'report'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/breaches/{breach}/report', { params: { path: { customer, breach: id } } })) });
export const begin = (customer: string, body: { kind: Breach['kind']; subject?: string; from: string; what: string }) =>
  must(api.POST('/api/v1/customers/{customer}/breaches', { params: { path: { customer } }, body }));
export type Change = Pick<Breach, 'from' | 'to' | 'aware_at' | 'what' | 'consequences' | 'measures' | 'contact' | 'outcome'> & { closed: boolean };
export const change = (customer: string, id: string, body: Change) =>
  must(api.PUT('/api/v1/customers/{customer}/breaches/{breach}', { params: { path: { customer, breach: id } }, body }));
export const notice = (customer: string, id: string, to: 'authority' | 'persons') =>
  must(api.GET('/api/v1/customers/{customer}/breaches/{breach}/notice', { params: { path: { customer, breach: id }, query: { to } } }));
export const paper = (customer: string, id: string, to: string) => `/api/v1/customers/${customer}/breaches/${id}/notice/paper?to=${to}`;
