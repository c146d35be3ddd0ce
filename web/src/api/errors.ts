/** One fault among several, with the path of the field it is about. */
export type Fault = { location?: string; message?: string };

/** Problem is an answer of the API that is not a success (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly faults: Fault[] = [],
    readonly retryAfter = 0,
    readonly type = '',
  ) {
    super(detail || title);
    this.name = 'Problem';
  }

  /** about finds the message for a field, whether named "name" or "body.name". */
  about(field: string): string | undefined {
    const fault = this.faults.find((f) => f.location === field || f.location?.endsWith(`.${field}`));
    return fault?.message;
  }
}

/** problem reads an error answer; whatever it is, the reader gets a sentence. */
export function problem(response: Response, body: unknown): Problem {
  const p = (typeof body === 'object' && body !== null ? body : {}) as {
    title?: string;
    detail?: string;
    errors?: Fault[] | null;
    type?: string;
  };
  const after = Number(response.headers.get('Retry-After'));
  return new Problem(response.status, p.title ?? response.statusText, p.detail ?? '', p.errors ?? [], Number.isFinite(after) ? after : 0, p.type);
}

/** refused names what a program calls by its number. */
const refused: Record<number, string> = { 400: 'That does not work', 409: 'That cannot be done now', 413: 'That is too large', 422: 'That does not work' };

/** advice says in plain words what went wrong and what the reader can do. */
export function advice(error: unknown): { title: string; text: string } {
  if (!(error instanceof Problem)) {
    if (!(error instanceof TypeError && /fetch|network|load failed/i.test(error.message))) {
      return { title: 'This page failed', text: 'That is our fault, not yours. Load it again; if it stays, tell your operator what you were doing.' };
    }
    return { title: 'The server does not answer', text: 'Check your connection, then try again. Nothing was changed.' };
  }
  const detail = sentence(error.faults.length === 1 && error.faults[0]?.message ? error.faults[0].message : error.detail);
  switch (error.status) {
    case 401:
      return { title: 'You are signed out', text: 'Sign in again to go on.' };
    case 403:
      if (error.type === 'step-up') return { title: 'Show that it is you', text: detail };
      return { title: 'Not here', text: detail || 'It does not exist, or it is not yours to see. Ask your administrator if you expected it.' };
    case 404:
      return { title: 'Not here', text: detail || 'It does not exist, or it is not yours to see. Ask your administrator if you expected it.' };
    case 429:
      return { title: 'Too many tries', text: error.retryAfter > 0 ? `Wait ${error.retryAfter} seconds, then try again.` : 'Wait a minute, then try again.' };
    default:
      if (error.status >= 500) return { title: 'Something went wrong on the server', text: detail || 'Try again. If it stays, tell your operator the time of this message.' };
      return { title: refused[error.status] ?? error.title, text: detail };
  }
}

/** sentence makes a sentence of a text that a program wrote to be put after a colon. */
export function sentence(text: string): string {
  if (!text) return '';
  const s = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(s) ? s : `${s}.`;
}
