import { queryOptions } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { components } from '../../api/types';

type Shapes = components['schemas'];
export type Keys = Shapes['Keys'];
export type KeyRotation = Shapes['KeyRotation'];
export type KeyServer = Shapes['KeyServer'];
export type KeyServerTrial = Shapes['KeyServerTrial'];
export type RootKey = Shapes['RootKey'];

/** While something is under way the page looks again by itself. */
const soon = 1500;

export const keysOf = (customer: string) =>
  queryOptions({
    queryKey: here(customer, 'keys'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/keys', { params: { path: { customer } } })),
    refetchInterval: (q) => (q.state.data?.running ? soon : 60_000),
  });

export const keyHistory = (customer: string) =>
  queryOptions({ queryKey: here(customer, 'keys', 'history'), queryFn: () => must(api.GET('/api/v1/customers/{customer}/keys/history', { params: { path: { customer } } })) });

export const rootKeyOf = (node: string) =>
  queryOptions({
    queryKey: ['node', node, 'root-key'],
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/root-key', { params: { path: { node } } })),
    refetchInterval: (q) => (q.state.data?.running ? soon : 15_000),
  });

export const rootKeyHistory = (node: string) =>
  queryOptions({ queryKey: ['node', node, 'root-key', 'history'], queryFn: () => must(api.GET('/api/v1/nodes/{node}/root-key/history', { params: { path: { node } } })) });

export const done: Record<KeyRotation['what'], string> = { rotate: 'Rotated', 'hand-over': 'Handed over', 'take-back': 'Taken back', root: 'Root key rotated' };
export const doing: Record<KeyRotation['what'], string> = { rotate: 'A new key is taking over', 'hand-over': 'The key is being handed over', 'take-back': 'The key is being taken back', root: 'A new root key is taking over' };
