import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

export type DirectoryAsk = { text?: string; current?: boolean; cursor?: string };

export const directory = (customer: string, ask: DirectoryAsk) =>
  queryOptions({
    queryKey: here(customer, 'directory', ask),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/directory', { params: { path: { customer }, query: { ...ask, limit: 200 } } })),
    placeholderData: (before) => before,
  });

export const support = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'support'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/support', { params: { path: { customer } } })), refetchInterval: 30_000 });

export const permissions = queryOptions({ queryKey: ['permissions'], queryFn: () => must(api.GET('/api/v1/permissions')), staleTime: 3_600_000 });
