import {
  asyncScheduler,
  noop,
  of,
  Subscription,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
  type Subscriber,
} from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { UsageError } from '../errors/usage-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import type { LifecycleEvent, TraceEvent } from '../trace/lifecycle-event.js';
import { Scope, scoped } from '../stream/scope.js';
import { PHASES } from './phase-of.js';

/**
 * Keeps the record of one attempt: stamps its events, knows its phase, and sees to it that it ends in exactly one of
 * `closed`, `failed` and `cancelled`, after everything of it was released and before anybody else is told.
 */
export class Attempt {
  phase: Phase = 'resolve';
  #ended = false;
  readonly #number: number;
  readonly #scheduler: SchedulerLike;
  readonly #report: (event: TraceEvent) => void;
  readonly #reports = new Subscription();

  constructor(number: number, scheduler: SchedulerLike = asyncScheduler, report: (event: TraceEvent) => void = noop) {
    this.#number = number;
    this.#scheduler = scheduler;
    this.#report = report;
  }

  readonly trace = (event: LifecycleEvent): void => {
    if (this.#ended) return;
    this.phase = PHASES[event.type] ?? this.phase;
    // Subscribed, so that a report that throws is told as RxJS tells it, and harms no attempt.
    const stamped: TraceEvent = { ...event, attempt: this.#number, time: this.#scheduler.now() };
    this.#reports.add(of(stamped).subscribe((told) => this.#report(told)));
  };

  /**
   * Reports the end of the attempt.
   *
   * ```text
   * source     --s----#          --s----|         --s----
   * recorded   --s----#          --s----|         --s--!
   * trace             failed            closed         cancelled
   * ```
   */
  recorded<T>(): MonoTypeOperatorFunction<T> {
    return scoped((subscriber) => new Recorded(subscriber, this));
  }

  end(event: LifecycleEvent): void {
    this.trace(event);
    this.#ended = true;
  }
}

class Recorded<T> extends Scope<T> {
  readonly #attempt: Attempt;

  constructor(subscriber: Subscriber<T>, attempt: Attempt) {
    super(subscriber);
    this.#attempt = attempt;
  }

  override failed(error: unknown): void {
    const known = XmppError.inPhase(typed(error), this.#attempt.phase);
    this.end(() => {
      this.#attempt.end({ type: 'failed', error: known, phase: known.phase });
      this.subscriber.error(known);
    });
  }

  override completed(): void {
    this.end(() => {
      this.#attempt.end({ type: 'closed' });
      this.subscriber.complete();
    });
  }

  override unsubscribe(): void {
    const cancelled = !this.ended;
    super.unsubscribe();
    if (cancelled) this.#attempt.end({ type: 'cancelled', phase: this.#attempt.phase });
  }
}

/** What is thrown by a transport, mechanism or stream feature that is not ours, or by a fault of our own. */
function typed(error: unknown): XmppError {
  if (error instanceof XmppError) return error;
  return new UsageError('unexpected-error', 'an error that is none of XMPP; the cause says which', error);
}
