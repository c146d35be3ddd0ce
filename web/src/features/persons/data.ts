import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Request = components['schemas']['PersonRequest'];
export type Find = components['schemas']['PersonFind'];
export type Plan = components['schemas']['PersonPlan'];
export type Identifiers = components['schemas']['PersonIdentifiers'];
export type Right = Request['right'];

export const rights: Record<Right, string> = {
  access: 'Access (15)', rectify: 'Rectification (16)', erase: 'Erasure (17)', restrict: 'Restriction (18)', portability: 'Portability (20)', object: 'Objection (21)',
};
export const states: Record<Request['state'], string> = {
  searching: 'Searching', open: 'Open', 'too-wide': 'Fits nearly everybody', erasing: 'Erasing', answered: 'Answered', refused: 'Refused',
};
export const nobody: Identifiers = { numbers: [], emails: [], names: [], accounts: [], extensions: [], ids: [] };

const at = (customer: string, request: string) => ({ path: { customer, request } });

/** lastDay is the day on which the answer is still in time, in the calendar that counts: due_at is the midnight after it. */
export const lastDay = (r: { due_at: string; time_zone: string }) =>
  new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: r.time_zone }).format(new Date(new Date(r.due_at).getTime() - 1));

/** closed is how long requests and breaches are kept once they are closed. */
export const closed = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'closed-cases'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/closed-cases', { params: { path: { customer } } })) });
export const keepClosed = (customer: string, days: number, confirm: number) => must(api.PUT('/api/v1/customers/{customer}/closed-cases', { params: { path: { customer } }, body: { days, confirm } }));

/** closedDue counts the closed cases that a period would delete tonight. */
export const closedDue = (customer: string, days: number) =>
  queryOptions({
    queryKey: here(customer, 'closed-cases', 'due', days), enabled: days >= 30 && days <= 3660,
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/closed-cases/due', { params: { path: { customer }, query: { days } } })),
  });

export const requests = (customer: string, open: boolean) =>
  infiniteQueryOptions({
    queryKey: here(customer, 'requests', open),
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/person-requests', { params: { path: { customer }, query: { open: open || undefined, cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });

/** moving is a request that goes on by itself: it is searched, erased, or its certificate is signed. */
const moving = (r: Request) => r.state === 'searching' || r.state === 'erasing' || (!!r.ended_at && !r.certified);

export const request = (customer: string, id: string) =>
  queryOptions({
    queryKey: here(customer, 'requests', id),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/person-requests/{request}', { params: at(customer, id) })),
    refetchInterval: (q) => (q.state.data && moving(q.state.data) ? 2000 : false),
  });

export const finds = (customer: string, id: string) =>
  infiniteQueryOptions({
    queryKey: here(customer, 'requests', id, 'finds'),
    queryFn: ({ pageParam }) => must(api.GET('/api/v1/customers/{customer}/person-requests/{request}/finds', { params: { ...at(customer, id), query: { cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });

export const plan = (customer: string, id: string) =>
  queryOptions({ queryKey: here(customer, 'requests', id, 'plan'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/person-requests/{request}/plan', { params: at(customer, id) })) });

export const stores = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'stores'), staleTime: Infinity, queryFn: () => must(api.GET('/api/v1/customers/{customer}/person-requests/stores', { params: { path: { customer } } })) });

export const begin = (customer: string, body: { right: Right; name: string; identifiers: Identifiers; received_at?: string; notes?: string }) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests', { params: { path: { customer } }, body }));
export const identify = (customer: string, id: string, proof: string, notes: string) =>
  must(api.PUT('/api/v1/customers/{customer}/person-requests/{request}/identity', { params: at(customer, id), body: { proof, notes } }));
export const again = (customer: string, id: string, body: Identifiers) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/searches', { params: at(customer, id), body }));
export type Ground = '' | 'erase' | 'expression' | 'legal-obligation' | 'public-health' | 'archiving' | 'legal-claim' | 'other-person';
export const decide = (customer: string, id: string, list: string[], verdict: '' | 'confirmed' | 'rejected', ground: Ground = '', because = '') =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/decisions', { params: at(customer, id), body: { finds: list, verdict, ...(ground ? { ground, because } : {}) } }));
export const erase = (customer: string, id: string, confirm: number) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/erasure', { params: at(customer, id), body: { confirm } }));
export const restrict = (customer: string, id: string) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/restriction', { params: at(customer, id) }));
export const lift = (customer: string, id: string, told: string) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/restriction/lift', { params: at(customer, id), body: { told } }));
export const rectify = (customer: string, id: string, body: { find: string; field: 'number' | 'name'; old: string; new: string }) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/corrections', { params: at(customer, id), body }));
export const objectTo = (customer: string, id: string, what: string[]) =>
  must(api.PUT('/api/v1/customers/{customer}/person-requests/{request}/objections', { params: at(customer, id), body: { what } }));
export const pack = (customer: string, id: string) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/packs', { params: at(customer, id) }));
export const extend = (customer: string, id: string, reason: string) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/extension', { params: at(customer, id), body: { reason } }));
export const end = (customer: string, id: string, refused: boolean, outcome: string) =>
  must(api.POST('/api/v1/customers/{customer}/person-requests/{request}/end', { params: at(customer, id), body: { refused, outcome } }));
export const letter = (customer: string, id: string, kind: 'receipt' | 'answer' | 'extension' | 'refusal') =>
  must(api.GET('/api/v1/customers/{customer}/person-requests/{request}/letter', { params: { ...at(customer, id), query: { kind } } }));
export const paper = (customer: string, id: string, kind: string) => `/api/v1/customers/${customer}/person-requests/${id}/letter/paper?kind=${kind}`;
export const certificate = (customer: string, id: string, form: '' | '/paper') => `/api/v1/customers/${customer}/person-requests/${id}/certificate${form}`;
