import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { within } from './within.js';

/**
 * Bounds the connect stage as a whole, look-ups and every target together, by something else than the context's `timeouts.connect`. A target's own
 * bound is the transport's.
 *
 * ```text
 * source              ------------c
 * connectTimeout(8)   --------#         { condition: 'timeout', phase: 'connect' }
 * ```
 *
 * @param due Milliseconds.
 */
export function connectTimeout<T>(due: number, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return within('connect', due, scheduler);
}
