import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Review = components['schemas']['Review'];
export type ReviewDetail = components['schemas']['ReviewDetail'];
export type Line = components['schemas']['ReviewLine'];
export type Rule = components['schemas']['ReviewRule'];
export type Verdict = components['schemas']['VerdictBody'];

/** Whose people are reviewed: a customer's, or those of a provider or reseller. */
export type Whose = { customer: string } | { node: string };

export const keyOf = (w: Whose, ...rest: string[]) => ('customer' in w ? here(w.customer, 'reviews', ...rest) : (['node', w.node, 'reviews', ...rest] as const));
export const pageOf = (w: Whose) => ('customer' in w ? `/c/${w.customer}/reviews` : `/n/${w.node}/reviews`);

export const list = (w: Whose) =>
  queryOptions({
    queryKey: keyOf(w),
    queryFn: () => ('customer' in w
      ? must(api.GET('/api/v1/customers/{customer}/reviews', { params: { path: w } }))
      : must(api.GET('/api/v1/nodes/{node}/reviews', { params: { path: w } }))),
  });

export const one = (w: Whose, review: string) =>
  queryOptions({
    queryKey: keyOf(w, review),
    queryFn: () => ('customer' in w
      ? must(api.GET('/api/v1/customers/{customer}/reviews/{review}', { params: { path: { ...w, review } } }))
      : must(api.GET('/api/v1/nodes/{node}/reviews/{review}', { params: { path: { ...w, review } } }))),
  });

export const open = (w: Whose) =>
  'customer' in w ? must(api.POST('/api/v1/customers/{customer}/reviews', { params: { path: w } })) : must(api.POST('/api/v1/nodes/{node}/reviews', { params: { path: w } }));

export const setRule = (w: Whose, body: Pick<Rule, 'months' | 'consequence'>) =>
  'customer' in w
    ? must(api.PUT('/api/v1/customers/{customer}/review-rule', { params: { path: w }, body }))
    : must(api.PUT('/api/v1/nodes/{node}/review-rule', { params: { path: w }, body }));

export const decide = (w: Whose, review: string, line: string, body: Verdict) =>
  'customer' in w
    ? must(api.PUT('/api/v1/customers/{customer}/reviews/{review}/lines/{line}', { params: { path: { ...w, review, line } }, body }))
    : must(api.PUT('/api/v1/nodes/{node}/reviews/{review}/lines/{line}', { params: { path: { ...w, review, line } }, body }));

export const close = (w: Whose, review: string) =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/reviews/{review}/close', { params: { path: { ...w, review } } }))
    : must(api.POST('/api/v1/nodes/{node}/reviews/{review}/close', { params: { path: { ...w, review } } }));

/** paper is where the signed result is downloaded from. */
export const paper = (w: Whose, review: string) =>
  'customer' in w ? `/api/v1/customers/${w.customer}/reviews/${review}/paper` : `/api/v1/nodes/${w.node}/reviews/${review}/paper`;
