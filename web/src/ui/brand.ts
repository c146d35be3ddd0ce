import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, must } from '../api/client';
import type { Brand } from '../api/types';

/** plain is the look of an installation that chose none. */
export const plain: Brand = { name: 'Ringfence', accent: '#0f5c63', on_accent: '#ffffff', logo_url: '' };

/** wear puts a brand's colours on the page: buttons and the line at the top. The server has checked that text upon them can be read. */
export function wear(b: Brand) {
  const root = document.documentElement;
  root.style.setProperty('--rf-accent', b.accent);
  root.style.setProperty('--rf-on-accent', b.on_accent);
  root.dataset.brand = b.name;
}

export function useBrand(b: Brand | undefined): Brand {
  const brand = b ?? plain;
  useEffect(() => wear(brand), [brand]);
  return brand;
}

/** useDoorBrand is how the pages before sign-in look, by the name under which the server was called. */
export function useDoorBrand(): Brand {
  const query = useQuery({ queryKey: ['brand'], queryFn: () => must(api.GET('/api/v1/brand')), staleTime: 300_000, retry: false });
  return useBrand(query.data);
}

/** named is the title of a page with whose portal it is. */
export const named = (title: string) => `${title} · ${document.documentElement.dataset.brand ?? plain.name}`;
