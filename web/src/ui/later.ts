import { lazyRouteComponent } from '@tanstack/react-router';

const missing = new Set<() => unknown>();

/**
 * later is a part of the portal whose code comes when it is first shown. A file that is not there means a newer release,
 * and the router loads the page anew; a server that does not answer must not cost the reader the page that is open.
 */
export function later<T extends Record<string, any>, K extends keyof T>(load: () => Promise<T>, name: K) {
  const part = lazyRouteComponent(() => load().catch((error: unknown) => {
    if (part.preload) missing.add(part.preload);
    return unreachable(error);
  }), name);
  return part;
}

/** again loads what could not be loaded. */
export async function again() {
  const parts = [...missing];
  missing.clear();
  await Promise.all(parts.map((load) => load()));
}

/** unreachable says which of the two it was: only the first is an error that the router knows. */
export async function unreachable(error: unknown): Promise<never> {
  const answers = await fetch('/healthz', { cache: 'no-store' }).then((r) => r.ok, () => false);
  throw answers ? error : new TypeError('Failed to fetch: the server does not answer');
}
