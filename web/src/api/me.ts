import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, must } from './client';
import { Problem } from './errors';
import type { Me, Place } from './types';

/** me is who is signed in; null: nobody. */
export const me = queryOptions({
  queryKey: ['me'],
  queryFn: async (): Promise<Me | null> => {
    try {
      return await must(api.GET('/api/v1/me'));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

export function useMe(): Me | null | undefined {
  return useQuery(me).data;
}

/** usePlace is where the reader is, by the id in the address. */
export function usePlace(node: string): Place | undefined {
  return useMe()?.places.find((p) => p.id === node);
}

/** useMay says whether the reader's roles here include an act. It decides what is offered; the server decides what is allowed. */
export function useMay(node: string): (act: string) => boolean {
  const place = usePlace(node);
  return (act) => place?.acts.includes(act) ?? false;
}

/** home is where a person lands: the first customer, else the first place from the top. */
export function home(places: readonly Place[]): string {
  const first = places.find((p) => p.kind === 'customer') ?? places[0];
  if (!first) return '/account';
  return first.kind === 'customer' ? `/c/${first.id}/recordings` : `/n/${first.id}`;
}
