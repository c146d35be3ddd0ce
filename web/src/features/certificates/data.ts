import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

export type Certificate = components['schemas']['DestructionCertificate'];

export const certificates = (customer: string, cursor?: string) =>
  queryOptions({
    queryKey: here(customer, 'certificates', cursor ?? ''),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/certificates', { params: { path: { customer }, query: { cursor } } })),
  });

export const signNow = (customer: string) => must(api.POST('/api/v1/customers/{customer}/certificates/sign', { params: { path: { customer } } }));

export const file = (customer: string, certificate: string, paper: boolean) => `/api/v1/customers/${customer}/certificates/${certificate}${paper ? '/paper' : ''}`;
