import {
  asyncScheduler,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { Scope, scoped, type Held } from './scope.js';

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
export function within<T>(phase: Phase, due: number, scheduler?: SchedulerLike): MonoTypeOperatorFunction<T> {
  return scoped((subscriber) => new Phased(subscriber, phase, due, scheduler));
}

/** Names the phase in an error that comes before the first value and does not yet name one. */
export function inPhase<T>(phase: Phase): MonoTypeOperatorFunction<T> {
  return scoped((subscriber) => new Phased(subscriber, phase));
}

/**
 * Errors if the first value is not there in time.
 *
 * @param due Milliseconds; `Infinity` never errs.
 * @param overdue Makes the error.
 */
export function firstWithin<T>(
  due: number,
  scheduler: SchedulerLike,
  overdue: () => XmppError,
): MonoTypeOperatorFunction<T> {
  return scoped((subscriber) => new Phased(subscriber, undefined, due, scheduler, overdue));
}

/** The time to the first value. */
class Phased<T> extends Scope<T> {
  #waiting = true;
  #timer: Subscription | undefined;

  constructor(
    subscriber: Subscriber<T>,
    private readonly phase?: Phase,
    private readonly due = Infinity,
    private readonly scheduler: SchedulerLike = asyncScheduler,
    private readonly overdue: () => XmppError = () => new XmppTimeoutError(phase!, due),
  ) {
    super(subscriber);
  }

  override hold<V>(resource$: Observable<V>): void {
    super.hold(resource$);
    if (!this.#waiting || this.ended || this.due === Infinity) return;
    this.#timer = this.scheduler.schedule(() => this.failed(this.overdue()), this.due);
  }

  override entered(value: unknown, held: Held<never>): void {
    this.#waiting = false;
    this.#disarm();
    super.entered(value, held);
  }

  override failed(error: unknown): void {
    if (this.#waiting && this.phase) XmppError.inPhase(error, this.phase);
    super.failed(error);
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.#disarm();
  }

  #disarm(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }
}
