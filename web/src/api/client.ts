import { QueryCache, QueryClient, MutationCache } from '@tanstack/react-query';
import createClient from 'openapi-fetch';
import { problem, Problem } from './errors';
import type { paths } from './types';
import { stepUp } from './stepup';

/** asking is all that was asked in this session and not answered yet. */
let asking = new AbortController();

/** api asks the server; the paths, their parameters and their answers are typed from openapi.yaml. */
export const api = createClient<paths>({
  baseUrl: '', credentials: 'same-origin', fetch: (request) => fetch(request, { signal: AbortSignal.any([request.signal, asking.signal]) }),
});
api.use(stepUp);

/** giveUp ends what was asked and not answered yet: nothing comes, or is refused, once somebody has left. */
export async function giveUp() {
  await queries.cancelQueries(); // they keep what they had, and show no error
  asking.abort();
  asking = new AbortController();
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** must gives the answer, or throws the Problem that came instead. */
export async function must<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok) throw problem(response, error);
  return data as T;
}

/** signedOut is called when any answer says that the session has ended. */
let signedOut = () => {};
export const onSignedOut = (f: () => void) => {
  signedOut = f;
};

const notice = (error: unknown) => {
  if (error instanceof Problem && error.status === 401) signedOut();
};

/** One retry, and none where asking again cannot help. */
const retry = (failures: number, error: unknown) => failures < 1 && !(error instanceof Problem && error.status < 500);

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: notice }),
  mutationCache: new MutationCache({ onError: notice }),
  defaultOptions: { queries: { retry, staleTime: 15_000, refetchOnWindowFocus: true } },
});

/** here is the beginning of every key of what belongs to a customer: the live channel wakes by it. */
export const here = (customer: string, topic: string, ...rest: unknown[]) => ['at', customer, topic, ...rest] as const;
