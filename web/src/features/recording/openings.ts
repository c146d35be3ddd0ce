import { api, must } from '../../api/client';
import type { Opening } from '../../api/types';
import { purposeFor } from '../receipts/PurposeAsk';

type What = 'listen' | 'transcript' | 'download';

/** Openings that still run, so that closing and reopening a drawer does not leave a second receipt for one listening. */
const running = new Map<string, Opening>();

/** open asks for one recording to be opened. The server writes the receipt first; there is no way to hear without. */
export async function open(customer: string, recording: string, what: What, purpose?: string, rendition?: string, restricted = false): Promise<Opening> {
  const key = [customer, recording, what].join();
  const known = running.get(key);
  if (known && what !== 'download' && Date.parse(known.until) - Date.now() > 60_000) return known;
  purpose = purpose || (await purposeFor(customer, restricted));
  const opening = await must(
    api.POST('/api/v1/customers/{customer}/recordings/{recording}/openings', {
      params: { path: { customer, recording } },
      body: { what, ...(purpose ? { purpose } : {}), ...(rendition ? { rendition } : {}) },
    }),
  );
  running.set(key, opening);
  return opening;
}

/** forget drops an opening that the server no longer honours. */
export function forget(customer: string, recording: string, what: What) {
  running.delete([customer, recording, what].join());
}

/** fetched reads JSON from an address that an opening gave. */
export async function fetched<T>(url: string): Promise<T> {
  const response = await fetch(url, { credentials: 'same-origin' });
  const body: unknown = await response.json().catch(() => null);
  return must(Promise.resolve({ data: body as T, error: body, response }));
}
