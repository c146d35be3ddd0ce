import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

/** Events are what a webhook can be told of, in the words of the portal. */
export const events = [
  { value: 'recording.captured', label: 'A recording is in the archive' },
  { value: 'recording.transcribed', label: 'Its transcript can be read' },
  { value: 'recording.missing', label: 'A call has no recording' },
  { value: 'recording.destroyed', label: 'A recording was destroyed' },
  { value: 'alert.raised', label: 'An alert was raised' },
  { value: 'alert.ended', label: 'An alert has ended' },
];

export const webhooks = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'webhooks'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/webhooks', { params: { path: { customer } } })) });

export const deliveries = (customer: string, webhook: string, state?: 'waiting' | 'delivered' | 'dead') =>
  infiniteQueryOptions({
    queryKey: here(customer, 'webhooks', webhook, 'deliveries', state ?? 'all'),
    queryFn: ({ pageParam }) =>
      must(api.GET('/api/v1/customers/{customer}/webhooks/{webhook}/deliveries', { params: { path: { customer, webhook }, query: { state, cursor: pageParam || undefined } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  });
