import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

const at = (customer: string) => ({ params: { path: { customer } } });

export const retention = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'retention'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/retention', at(customer))) });

export const storage = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'storage'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/storage', at(customer))) });

export const sources = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'sources'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/sources', at(customer))) });

export const devices = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'devices'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/devices', at(customer))) });

export const speech = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'speech'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/speech', at(customer))) });

export const members = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'members'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/members', at(customer))) });

export const usage = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'usage'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/usage', at(customer))) });

export const signInPolicy = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'sign-in'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/sign-in-policy', at(customer))) });
