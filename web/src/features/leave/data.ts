import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Departure = components['schemas']['Departure'];

const at = (customer: string) => ({ path: { customer } });

export const departure = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'departure'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/departure', { params: at(customer) })), refetchInterval: 60_000 });

export const bundle = (customer: string, receive_key: string, purpose: string) =>
  must(api.POST('/api/v1/customers/{customer}/departure/exports', { params: at(customer), body: { receive_key, purpose } }));

export const leave = (customer: string, confirm: number, reason: string) =>
  must(api.POST('/api/v1/customers/{customer}/departure', { params: at(customer), body: { confirm, reason } }));

export const stay = (customer: string) => must(api.DELETE('/api/v1/customers/{customer}/departure', { params: at(customer) }));
