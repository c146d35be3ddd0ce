import { afterEach, expect, test, vi } from 'vitest';
import { advice, Problem } from '../api/errors';
import { unreachable } from './later';

afterEach(() => vi.unstubAllGlobals());

const gone = new TypeError('Failed to fetch dynamically imported module: /assets/page.js');

test('code that a new release took away is told from a server that is away', async () => {
  vi.stubGlobal('fetch', async () => new Response('ok'));
  await expect(unreachable(gone)).rejects.toBe(gone);
  for (const away of [async () => Promise.reject(new TypeError('Failed to fetch')), async () => new Response('', { status: 502 })]) {
    vi.stubGlobal('fetch', away);
    const error = await unreachable(gone).catch((e: unknown) => e);
    expect(String(error)).not.toMatch(/dynamically imported/);
    expect(advice(error).title).toBe('The server does not answer');
  }
});

test('what is refused is named in words', () => {
  expect(advice(new Problem(422, 'Unprocessable Entity', 'these words are too common')).title).toBe('That does not work');
  expect(advice(new TypeError('x is not a function')).title).toBe('This page failed');
});
