import { QueryCache, QueryClient, MutationCache } from '@tanstack/react-query';
import createClient from 'openapi-fetch';
import { problem, Problem } from './errors';
import type { paths } from './schema';
import { stepUp } from './stepup';

/** api asks the server; the paths, their parameters and their answers are typed from openapi.yaml. */
export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
api.use(stepUp);

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
