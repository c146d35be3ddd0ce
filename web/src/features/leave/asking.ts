import { Problem } from '../../api/errors';
import type { Departure } from './data';

/** Answers is how many of those that are asked have answered. */
export type Answers = { who: string; answered: number; of: number };

/** answers leaves out those of whom there are none. */
export function answers(d: Departure): Answers[] {
  return [
    { who: 'Collectors', answered: d.boxes_answered, of: d.boxes },
    { who: 'Sources on this server', answered: d.folders_answered, of: d.folders },
  ].filter((a) => a.of > 0);
}

/** over reports whether a customer who was leaving is not there any more. */
export const over = (last: Departure, error: unknown) => last.state === 'asking' && error instanceof Problem && (error.status === 403 || error.status === 404);
