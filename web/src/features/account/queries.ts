import { queryOptions, useQueryClient } from '@tanstack/react-query';
import { api, must } from '../../api/client';

export const factors = queryOptions({ queryKey: ['me', 'factors'], queryFn: () => must(api.GET('/api/v1/me/factors')) });
export const browsers = queryOptions({ queryKey: ['me', 'browsers'], queryFn: () => must(api.GET('/api/v1/me/browsers')) });
export const sessions = queryOptions({ queryKey: ['me', 'sessions'], queryFn: () => must(api.GET('/api/v1/me/sessions')) });

/** useChanged reads everything about the person anew: a changed factor ends sessions and remembered browsers too. */
export function useChanged() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ['me'] });
}
