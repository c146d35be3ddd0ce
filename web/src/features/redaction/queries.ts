import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

export const redactions = (customer: string, recording: string) =>
  queryOptions({
    queryKey: here(customer, 'recording', recording, 'redactions'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/recordings/{recording}/redactions', { params: { path: { customer, recording } } })),
  });

export const redactionSettings = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'redaction'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/redaction-settings', { params: { path: { customer } } })) });

export const payments = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'redaction', 'payments'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/payments', { params: { path: { customer } } })) });

export const pauses = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'redaction', 'pauses'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/pauses', { params: { path: { customer } } })) });
