import {
  catchError,
  throwError,
  timeout,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';

/**
 * Bounds an attempt from subscribe to online, whatever its phases take each.
 *
 * ```text
 * source         ----------------s
 * deadline(10)   ----------#          { condition: 'deadline', phase: the one it was in }
 * ```
 *
 * @param due Milliseconds.
 * @param phase Tells the phase that the attempt is in.
 */
export function deadline<T>(due: number, scheduler: SchedulerLike, phase: () => Phase): MonoTypeOperatorFunction<T> {
  if (due === Infinity) return (source) => source;
  const bound = timeout<T, Observable<never>>({
    first: due,
    scheduler,
    with: () => throwError(() => new XmppTimeoutError(phase(), due, `not online within ${due} ms`, 'deadline')),
  });
  // Caught and thrown again, so that the timer is given back before the error is told.
  return (source) =>
    source.pipe(
      bound,
      catchError((error: unknown) => throwError(() => error)),
    );
}
