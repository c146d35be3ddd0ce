import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import { query, type Filters } from './filters';

/** recordings is the list, page by page, for one set of filters. */
export const recordings = (customer: string, filters: Filters) => {
  const asked = query(filters);
  return infiniteQueryOptions({
    queryKey: here(customer, 'recordings', asked),
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/api/v1/customers/{customer}/recordings', {
          params: { path: { customer }, query: { ...asked, cursor: pageParam || undefined, limit: 50 } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    placeholderData: keepPreviousData,
  });
};

/** recording is one, with its call and who opened it. */
export const recording = (customer: string, id: string) =>
  queryOptions({
    queryKey: here(customer, 'recording', id),
    queryFn: ({ signal }) =>
      must(api.GET('/api/v1/customers/{customer}/recordings/{recording}', { params: { path: { customer, recording: id } }, signal })),
  });

/** calls is the list of calls, with and without a recording. */
export const calls = (customer: string, filters: Filters) => {
  const asked = query(filters);
  return infiniteQueryOptions({
    queryKey: here(customer, 'calls', asked),
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/api/v1/customers/{customer}/calls', {
          params: { path: { customer }, query: { ...asked, cursor: pageParam || undefined, limit: 50 } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    placeholderData: keepPreviousData,
  });
};
