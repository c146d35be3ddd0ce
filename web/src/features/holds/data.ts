import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';

/** holds are all legal holds, those that were lifted as well. */
export const holds = (customer: string) => queryOptions({ queryKey: here(customer, 'holds'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/holds', { params: { path: { customer } } })) });
