import {
  asyncScheduler,
  Observable,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import type { Timeouts } from '../transport/transport.js';
import { Scope, type Held } from './scope.js';
import type { Stage } from './stage-config.js';

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
 * @param phase `undefined` names none.
 * @param due Milliseconds; `Infinity`, as by default, never errs.
 * @param overdue Makes the error.
 */
export function within<T>(
  phase?: Phase,
  due = Infinity,
  scheduler: SchedulerLike = asyncScheduler,
  overdue: () => XmppError = () => new XmppTimeoutError(phase!, due),
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const scope = new Phased(subscriber, phase);
      scope.hold(source);
      if (scope.waiting && due < Infinity) scope.timer = scheduler.schedule(() => scope.failed(overdue()), due);
    });
}

/** Bounds a phase of an attempt as its options have it; `bound` is for a phase that has none of its own. */
export function bounded<T>(
  phase: Phase,
  { timeouts, scheduler }: Pick<Stage, 'timeouts' | 'scheduler'>,
  bound = phase as keyof Timeouts,
): MonoTypeOperatorFunction<T> {
  return within(phase, timeouts[bound], scheduler);
}

/** Names the phase in an error that comes before the first value and does not yet name one. */
export const inPhase: <T>(phase: Phase) => MonoTypeOperatorFunction<T> = within;

/** The time to the first value. */
class Phased<T> extends Scope<T> {
  readonly #phase: Phase | undefined;
  waiting = true;
  timer: Subscription | undefined;

  constructor(subscriber: Subscriber<T>, phase?: Phase) {
    super(subscriber);
    this.#phase = phase;
  }

  override entered(value: unknown, held: Held<never>): void {
    this.#over();
    super.entered(value, held);
  }

  override failed(error: unknown): void {
    if (this.waiting && this.#phase) XmppError.inPhase(error, this.#phase);
    super.failed(error);
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.#over();
  }

  #over(): void {
    this.waiting = false;
    this.timer?.unsubscribe();
    this.timer = undefined;
  }
}
