import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Alert = components['schemas']['Alert'];
export type AlertPage = components['schemas']['AlertPage'];
export type Detail = components['schemas']['AlertDetail'];
export type Below = components['schemas']['AlertBelow'];
export type Setup = components['schemas']['AlertSetup'];
export type Contact = components['schemas']['AlertContact'];
export type ContactSettings = components['schemas']['AlertContactSettings'];
export type Settings = components['schemas']['AlertSettings'];

/** Whose alerts: a customer's, or those of a provider or reseller. */
export type Whose = { customer: string } | { node: string };

export const keyOf = (w: Whose, ...rest: string[]) => ('customer' in w ? here(w.customer, 'alerts', ...rest) : (['node', w.node, 'alerts', ...rest] as const));

export const list = (w: Whose, state: 'open' | 'ended') =>
  queryOptions({
    queryKey: keyOf(w, state),
    queryFn: () => ('customer' in w
      ? must(api.GET('/api/v1/customers/{customer}/alerts', { params: { path: w, query: { state, limit: 100 } } }))
      : must(api.GET('/api/v1/nodes/{node}/alerts', { params: { path: w, query: { state, limit: 100 } } }))),
    refetchInterval: 'node' in w ? 30_000 : false,
  });

export const one = (w: Whose, alert: string) =>
  queryOptions({
    queryKey: keyOf(w, 'one', alert),
    queryFn: () => ('customer' in w
      ? must(api.GET('/api/v1/customers/{customer}/alerts/{alert}', { params: { path: { ...w, alert } } }))
      : must(api.GET('/api/v1/nodes/{node}/alerts/{alert}', { params: { path: { ...w, alert } } }))),
  });

export const below = (node: string) =>
  queryOptions({
    queryKey: ['node', node, 'alerts', 'below'] as const,
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/alerts-below', { params: { path: { node } } })),
    refetchInterval: 30_000,
  });

export const setup = (w: Whose) =>
  queryOptions({
    queryKey: keyOf(w, 'setup'),
    queryFn: () => ('customer' in w
      ? must(api.GET('/api/v1/customers/{customer}/alert-setup', { params: { path: w } }))
      : must(api.GET('/api/v1/nodes/{node}/alert-setup', { params: { path: w } }))),
  });

export const acknowledge = (w: Whose, alert: string, note: string) =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/alerts/{alert}/acknowledge', { params: { path: { ...w, alert } }, body: { note } }))
    : must(api.POST('/api/v1/nodes/{node}/alerts/{alert}/acknowledge', { params: { path: { ...w, alert } }, body: { note } }));

export const snooze = (w: Whose, alert: string, until: string, note: string) =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/alerts/{alert}/snooze', { params: { path: { ...w, alert } }, body: { until, note } }))
    : must(api.POST('/api/v1/nodes/{node}/alerts/{alert}/snooze', { params: { path: { ...w, alert } }, body: { until, note } }));

export const assign = (w: Whose, alert: string, owner_id: string) =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/alerts/{alert}/assign', { params: { path: { ...w, alert } }, body: { owner_id } }))
    : must(api.POST('/api/v1/nodes/{node}/alerts/{alert}/assign', { params: { path: { ...w, alert } }, body: { owner_id } }));

export const saveContact = (w: Whose, contact: string | undefined, body: ContactSettings) => {
  if ('customer' in w) {
    return contact
      ? must(api.PUT('/api/v1/customers/{customer}/alert-contacts/{contact}', { params: { path: { ...w, contact } }, body }))
      : must(api.POST('/api/v1/customers/{customer}/alert-contacts', { params: { path: w }, body }));
  }
  return contact
    ? must(api.PUT('/api/v1/nodes/{node}/alert-contacts/{contact}', { params: { path: { ...w, contact } }, body }))
    : must(api.POST('/api/v1/nodes/{node}/alert-contacts', { params: { path: w }, body }));
};

export const removeContact = (w: Whose, contact: string) =>
  'customer' in w
    ? must(api.DELETE('/api/v1/customers/{customer}/alert-contacts/{contact}', { params: { path: { ...w, contact } } }))
    : must(api.DELETE('/api/v1/nodes/{node}/alert-contacts/{contact}', { params: { path: { ...w, contact } } }));

export const testContact = (w: Whose, contact: string) =>
  'customer' in w
    ? must(api.POST('/api/v1/customers/{customer}/alert-contacts/{contact}/test', { params: { path: { ...w, contact } } }))
    : must(api.POST('/api/v1/nodes/{node}/alert-contacts/{contact}/test', { params: { path: { ...w, contact } } }));

export const saveSettings = (w: Whose, body: Settings) =>
  'customer' in w
    ? must(api.PUT('/api/v1/customers/{customer}/alert-settings', { params: { path: w }, body }))
    : must(api.PUT('/api/v1/nodes/{node}/alert-settings', { params: { path: w }, body }));

/** lasted writes how long something held: 12 minutes, 3 hours, 2 days. */
export function lasted(seconds: number): string {
  const of = (n: number, unit: string) => `${n} ${unit}${n === 1 ? '' : 's'}`;
  if (seconds < 120) return of(Math.round(seconds), 'second');
  if (seconds < 2 * 3600) return of(Math.round(seconds / 60), 'minute');
  if (seconds < 48 * 3600) return of(Math.round(seconds / 3600), 'hour');
  return of(Math.round(seconds / 86_400), 'day');
}
