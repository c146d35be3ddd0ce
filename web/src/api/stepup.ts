import type { Middleware } from 'openapi-fetch';

/** Asked is what a refusal of the type step-up names: proofs that would do; none: any. */
export type Asked = { needs: string[]; text: string };

/** The dialog that shows itself when the server asks for a factor; it answers whether one was shown. */
let dialog: ((asked: Asked) => Promise<boolean>) | null = null;
export const onStepUp = (f: typeof dialog) => {
  dialog = f;
};

/** One dialog at a time: what is refused while it is open waits for the same answer. */
let open: Promise<boolean> | null = null;
let declined = 0;

function ask(asked: Asked, reading: boolean): Promise<boolean> {
  // Pages read on their own, again and again: who has just said no is left alone for a while.
  if (!dialog || (reading && Date.now() - declined < 60_000)) return Promise.resolve(false);
  open ??= dialog(asked).then((shown) => {
    declined = shown ? 0 : Date.now();
    return shown;
  }).finally(() => {
    open = null;
  });
  return open;
}

/** A copy of each request under way: its body can be read once only. */
const copies = new Map<string, Request>();

/** stepUp asks for a factor where the server wants one, and then sends the same request again. */
export const stepUp: Middleware = {
  onRequest({ request, id }) {
    copies.set(id, request.clone());
    return undefined;
  },
  async onResponse({ response, id }) {
    const copy = copies.get(id);
    copies.delete(id);
    if (response.status !== 403 || !copy) return undefined;
    const problem = (await response.clone().json().catch(() => ({}))) as { type?: string; needs?: string[]; detail?: string };
    if (problem.type !== 'step-up') return undefined;
    const shown = await ask({ needs: problem.needs ?? [], text: problem.detail ?? '' }, copy.method === 'GET');
    return shown ? fetch(copy) : undefined;
  },
  onError({ id }) {
    copies.delete(id);
    return undefined;
  },
};
