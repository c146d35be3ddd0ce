// A client for the API of a Ringfence server. schema.ts is generated from the
// server's own description; this file adds the token, refusals that are errors,
// pages that follow one another, and the check of a webhook's signature.
import createFetch, { type Client } from 'openapi-fetch';
import type { components, paths } from './schema.js';

export type { components, paths };
export type Schemas = components['schemas'];

/** Problem is a refusal of the server (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly faults: { location?: string; message?: string }[],
    /** Seconds to wait, where the server says so. */
    readonly retryAfter: number | undefined,
    /** Id of the request, for the server's log. */
    readonly request: string | undefined,
    readonly type: string | undefined,
  ) {
    super([`${status}: ${detail}`, ...faults.map((f) => `${f.location ?? ''}: ${f.message ?? ''}`)].join('; '));
    this.name = 'Problem';
  }
}

/** connect makes a client that shows a token with each request. Redirects are not followed: they would take the token elsewhere. */
export function connect(server: string, token: string, options: { fetch?: typeof fetch } = {}): Client<paths> {
  const client = createFetch<paths>({ baseUrl: server.replace(/\/+$/, ''), redirect: 'manual', ...options, headers: { Authorization: `Bearer ${token}` } });
  client.use({
    async onResponse({ response }) {
      if (response.status < 300) return undefined;
      const text = await response.clone().text();
      let said: { detail?: string; errors?: { location?: string; message?: string }[]; type?: string } = {};
      try {
        said = JSON.parse(text) as typeof said;
      } catch {
        // a proxy in between answers what it likes
      }
      const wait = Number(response.headers.get('Retry-After'));
      throw new Problem(
        response.status, said.detail ?? response.statusText, said.errors ?? [], wait > 0 ? wait : undefined,
        response.headers.get('X-Request-Id') ?? undefined, said.type,
      );
    },
  });
  return client;
}

/** data gives the body of an answer, which is there: refusals are thrown. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** pages walks a list that pages by cursor, item by item. */
export async function* pages<T>(ask: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor?: string }>): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page = await ask(cursor);
    yield* page.items;
    cursor = page.next_cursor || undefined;
  } while (cursor);
}

/** Limit is what is left of the requests that a customer may make, from an answer's headers; undefined where there is no limit. */
export function limit(headers: Headers): { left: number; of: number; perSeconds: number; fullInSeconds: number } | undefined {
  const policy = /;q=(\d+);w=(\d+)/.exec(headers.get('RateLimit-Policy') ?? '');
  const now = /;r=(\d+);t=(\d+)/.exec(headers.get('RateLimit') ?? '');
  if (!policy || !now) return undefined;
  return { left: Number(now[1]), of: Number(policy[1]), perSeconds: Number(policy[2]), fullInSeconds: Number(now[2]) };
}

const most = 5 * 60; // seconds that a message may be old: an older one was kept and sent again by somebody else

/**
 * verifyWebhook says whether a message is the server's: its signature fits the secret, and it is not old.
 * body is the text as it came, before it was parsed.
 */
export async function verifyWebhook(secret: string, headers: Headers, body: string, now = Date.now() / 1000): Promise<boolean> {
  const id = headers.get('webhook-id');
  const at = headers.get('webhook-timestamp');
  if (!id || !at || !(Math.abs(now - Number(at)) <= most)) return false;
  const raw = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const text = new TextEncoder().encode(`${id}.${at}.${body}`);
  for (const part of (headers.get('webhook-signature') ?? '').split(' ')) {
    if (!part.startsWith('v1,')) continue;
    try {
      const signature = Uint8Array.from(atob(part.slice(3)), (c) => c.charCodeAt(0));
      if (await crypto.subtle.verify('HMAC', key, signature, text)) return true;
    } catch {
      // no base64: not a signature
    }
  }
  return false;
}
