import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, must } from '../../api/client';

/** nodeOf is one node with the way to it and what the reader may do there. */
export const nodeOf = (node: string) =>
  queryOptions({ queryKey: ['node', node, 'one'], queryFn: () => must(api.GET('/api/v1/nodes/{node}', { params: { path: { node } } })) });

export const metersOf = (node: string) =>
  queryOptions({ queryKey: ['node', node, 'quota'], queryFn: () => must(api.GET('/api/v1/nodes/{node}/quota', { params: { path: { node } } })) });

export const staffOf = (node: string) =>
  queryOptions({ queryKey: ['node', node, 'staff'], queryFn: () => must(api.GET('/api/v1/nodes/{node}/staff', { params: { path: { node } } })) });

export const brandingOf = (node: string) =>
  queryOptions({ queryKey: ['node', node, 'branding'], queryFn: () => must(api.GET('/api/v1/nodes/{node}/branding', { params: { path: { node } } })) });

/** useNodeMay says whether an act may be offered at a node, be it the reader's own or one far below. */
export function useNodeMay(node: string): (act: string) => boolean {
  const acts = useQuery(nodeOf(node)).data?.acts;
  return (act) => acts?.includes(act) ?? false;
}
