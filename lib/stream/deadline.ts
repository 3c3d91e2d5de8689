import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { within } from './within.js';

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
  const overdue = () => new XmppTimeoutError(phase(), due, `not online within ${due} ms`, 'deadline');
  return within(undefined, due, scheduler, overdue);
}
