import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import dayjs from 'dayjs';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Receipt = components['schemas']['OpeningReceipt'];
export type PurposeSettings = components['schemas']['PurposeSettings'];
export type Purposes = components['schemas']['Purposes'];
export type ReceiptSearch = { who?: string; kind?: string; subject?: string; what?: string; purpose?: string; unstated?: string; from?: string; to?: string };

const kinds = ['person', 'token', 'device', 'system'] as const;

/** asked is the filter as the API takes it; days are whole days. */
export const asked = (s: ReceiptSearch) => ({
  who: s.who, subject: s.subject, purpose: s.purpose, kind: kinds.find((k) => k === s.kind),
  what: s.what === 'content' ? undefined : s.what, content: s.what === 'content' ? true : undefined, unstated: s.unstated ? true : undefined,
  from: s.from ? dayjs(s.from).startOf('day').toISOString() : undefined,
  to: s.to ? dayjs(s.to).add(1, 'day').startOf('day').toISOString() : undefined,
});

export const receipts = (customer: string, search: ReceiptSearch) =>
  infiniteQueryOptions({
    queryKey: here(customer, 'events', 'receipts', asked(search)),
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/customers/{customer}/receipts', { params: { path: { customer }, query: { ...asked(search), cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
  });

export const settings = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'purposes', 'settings'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/receipts/settings', { params: { path: { customer } } })) });

export const setSettings = (customer: string, body: PurposeSettings) =>
  must(api.PUT('/api/v1/customers/{customer}/receipts/settings', { params: { path: { customer } }, body }));

export const purposes = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'purposes'), staleTime: 60_000, queryFn: () => must(api.GET('/api/v1/customers/{customer}/receipts/purposes', { params: { path: { customer } } })) });
