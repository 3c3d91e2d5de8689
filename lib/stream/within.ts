import {
  asyncScheduler,
  defer,
  tap,
  throwError,
  timeout,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { XmppError } from '../errors/xmpp-error.js';

/**
 * Bounds a phase: errors with an `XmppTimeoutError` that names it if the first value is not there in time, and names the
 * phase in an error that comes before that value and does not yet name one.
 *
 * ```text
 * source     ----------x
 * within(5)  -----#          { condition: 'timeout', phase }
 *
 * source     ---#
 * within(5)  ---#            the error's phase is set
 *
 * source     ---x------#
 * within(5)  ---x------#     it is not: the phase is over
 * ```
 *
 * @param due Milliseconds; `Infinity` never errs.
 */
export function within<T>(
  phase: Phase,
  due: number,
  scheduler: SchedulerLike = asyncScheduler,
): MonoTypeOperatorFunction<T> {
  return (source) => {
    const bounded$ =
      due === Infinity
        ? source
        : source.pipe(
            timeout({ first: due, scheduler, with: () => throwError(() => new XmppTimeoutError(phase, due)) }),
          );
    return bounded$.pipe(inPhase(phase));
  };
}

/** Names the phase in an error that comes before the first value and does not yet name one. */
export function inPhase<T>(phase: Phase): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      let over = false;
      return source.pipe(
        tap({
          next: () => (over = true),
          error: (error: unknown) => over || XmppError.inPhase(error, phase),
        }),
      );
    });
}
