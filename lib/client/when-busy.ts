import { defer, filter, map, switchAll, type Observable, type OperatorFunction } from 'rxjs';
import { UsageError } from '../errors/usage-error.js';

/**
 * What becomes of options that come while others are at work (an attempt, a session, or a wait for the next one):
 * - `replace` (default): they take over; everything of the others is released first (`switchMap`);
 * - `ignore`: they are passed over (`exhaustMap`);
 * - `error`: the others end, `status$` tells a `UsageError` `busy`, and `session$` errors with it: where that is a mistake.
 *
 * `null` ends what is at work in any case.
 */
export type WhenBusy = 'replace' | 'ignore' | 'error';

/**
 * Goes from work to work, as each value itself says. What was at work is released before the next begins, or the error is told.
 *
 * ```text
 * source             --a-----b-----
 * whenBusy           --A-----B-----     { whenBusy: 'replace' }
 *                    --A-----------     { whenBusy: 'ignore' }
 *                    --A-----#          { whenBusy: 'error' }: UsageError `busy`
 * ```
 *
 * @param busy Whether something is at work.
 * @param project The work; cold.
 * @param refused Is told of the error before it is thrown.
 */
export function whenBusy<T extends { readonly whenBusy?: WhenBusy }, R>(
  busy: () => boolean,
  project: (value: T | null) => Observable<R>,
  refused: (error: UsageError) => void,
): OperatorFunction<T | null, R> {
  const policyOf = (value: T | null) => (busy() && value?.whenBusy) || 'replace';
  return (source) =>
    source.pipe(
      filter((value) => policyOf(value) !== 'ignore'),
      // Looked at now: by the time that the next work is subscribed to, what was at work is not any more.
      map((value) => (policyOf(value) === 'error' ? refuse(refused) : project(value))),
      switchAll(),
    );
}

function refuse(refused: (error: UsageError) => void): Observable<never> {
  return defer(() => {
    const error = new UsageError('busy', 'other options are at work');
    refused(error);
    throw error;
  });
}
