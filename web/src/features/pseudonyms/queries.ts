import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

export const rule = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'pseudonyms', 'rule'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/pseudonym-rule', { params: { path: { customer } } })) });

export const due = (customer: string, days: number) =>
  queryOptions({
    queryKey: here(customer, 'pseudonyms', 'due', String(days)),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/pseudonym-rule/due', { params: { path: { customer }, query: { days } } })),
    enabled: days > 0,
  });

export const runs = (customer: string) =>
  queryOptions({
    queryKey: here(customer, 'pseudonyms', 'runs'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/pseudonym-runs', { params: { path: { customer }, query: { limit: 20 } } })),
    refetchInterval: (q) => (q.state.data?.items?.some((r) => !r.ended) ? 2000 : false),
  });

export const run = (customer: string, id: string) =>
  queryOptions({ queryKey: here(customer, 'pseudonyms', 'run', id), queryFn: () => must(api.GET('/api/v1/customers/{customer}/pseudonym-runs/{run}', { params: { path: { customer, run: id } } })) });

export const pseudonyms = (customer: string) =>
  infiniteQueryOptions({
    queryKey: here(customer, 'pseudonyms', 'list'),
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/pseudonyms', { params: { path: { customer }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });

export const plan = (customer: string, request: string, log: boolean) =>
  queryOptions({
    queryKey: here(customer, 'requests', request, 'pseudonym-plan', String(log)),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/person-requests/{request}/pseudonym-plan', { params: { path: { customer, request }, query: { log } } })),
    refetchInterval: (q) => (q.state.data?.figures?.later ? 3000 : false),
  });

const states: Record<string, string> = {
  waiting: 'to be changed', done: 'changed', unheard: 'changed, but their sound was never transcribed: names may be heard in it', held: 'under a legal hold', restricted: 'only stored, at a person’s request',
  later: 'not transcribed yet', gone: 'destroyed meanwhile', failed: 'failed',
};

/** figured says in words what became of recordings. */
export const figured = (figures: Record<string, number>) => Object.keys(states).filter((k) => figures[k]).map((k) => `${figures[k]} ${states[k]}`).join('; ') || 'no recordings';

export const stateOf = (state: string) => states[state] ?? state;
