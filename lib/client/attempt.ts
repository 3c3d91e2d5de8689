import { asyncScheduler, defer, noop, Observable, of, Subscription, type SchedulerLike, type Subscriber } from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { StreamError } from '../errors/stream-error.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { Scope, type Held } from '../stream/scope.js';
import type { LifecycleEvent, TraceEvent } from '../trace/lifecycle-event.js';
import { PHASES } from './phase-of.js';

/** How many times one attempt is sent on. */
export const MAX_REDIRECTS = 5;

/** Whose attempt it is. */
export interface AttemptOwner<T> {
  /** One connection, to where it is told, or to where the domain leads. */
  connect(attempt: Attempt<T>, location: string | undefined): Observable<T>;
  /** Is told of its events. */
  report(event: TraceEvent): void;
}

/**
 * An attempt: each subscription is the one of this number.
 *
 * ```text
 * connection     --s----#          --s----|         --s----
 * attempted      --s----#          --s----|         --s--!
 * trace                 failed            closed         cancelled
 * ```
 *
 * @param report Is told of its events.
 * @param hops How many times it may be sent on.
 * @param location Where to begin.
 */
export function attempted<T>(
  connect: AttemptOwner<T>['connect'],
  number: number,
  scheduler: SchedulerLike = asyncScheduler,
  report: (event: TraceEvent) => void = noop,
  hops = 0,
  location?: string,
): Observable<T> {
  return new Observable((subscriber) =>
    new Attempt(subscriber, { connect, report }, number, scheduler, hops).go(location),
  );
}

/**
 * One attempt: stamps its events, knows its phase, and sees to it that it ends in exactly one of `closed`, `failed` and `cancelled`,
 * after everything of it was released and before anybody else is told.
 *
 * It follows `see-other-host` (RFC 6120 section 4.9.3.19) while a stream is being negotiated: the same attempt at another
 * address, with the same domain, identity and TLS policy. Only a host that has proved who it is can send us on: what is said
 * before TLS has no `location` (threat T5). A session that was online is lost all the same.
 */
export class Attempt<T> extends Scope<T> {
  readonly #owner: AttemptOwner<T>;
  phase: Phase = 'resolve';
  #told = false;
  readonly #number: number;
  readonly #scheduler: SchedulerLike;
  #deadline: Subscription | undefined;
  #hops: number;

  constructor(
    subscriber: Subscriber<T>,
    owner: AttemptOwner<T>,
    number: number,
    scheduler: SchedulerLike,
    hops: number,
  ) {
    super(subscriber);
    this.#owner = owner;
    this.#number = number;
    this.#scheduler = scheduler;
    this.#hops = hops;
  }

  readonly trace = (event: LifecycleEvent): void => {
    if (this.#told) return;
    this.phase = PHASES[event.type] ?? this.phase;
    // Subscribed, so that a report that throws is told as RxJS tells it, and harms no attempt.
    const stamped: TraceEvent = { ...event, attempt: this.#number, time: this.#scheduler.now() };
    this.subscriber.add(of(stamped).subscribe((told) => this.#owner.report(told)));
  };

  go(location: string | undefined): void {
    this.hold(defer(() => this.#owner.connect(this, location)));
  }

  /** Bounds it from now to online, whatever its phases take each, and wherever it is sent. Counts once. */
  bound(due: number): void {
    if (this.#deadline || due === Infinity) return;
    const overdue = () => this.failed(new XmppTimeoutError(this.phase, due, `not online within ${due} ms`, 'deadline'));
    this.#deadline = this.#scheduler.schedule(overdue, due);
  }

  override entered(value: T, held: Held<never>): void {
    this.#hops = 0;
    this.#expire();
    super.entered(value, held);
  }

  override failed(error: unknown, held?: Held<never>): void {
    const to = error instanceof StreamError && error.location?.trim();
    if (to && this.#hops-- > 0) {
      this.trace({ type: 'redirected', to });
      return this.then(() => {
        if (held) this.release(held);
        this.go(to);
      });
    }
    // It may be thrown by a transport, mechanism or stream feature that is not ours, or by a fault of our own.
    const typed = error instanceof XmppError ? error : new UsageError('unexpected-error', 'see the cause', error);
    const known = XmppError.inPhase(typed, this.phase);
    this.end(() => {
      this.#tell({ type: 'failed', error: known, phase: known.phase });
      this.subscriber.error(known);
    });
  }

  override completed(): void {
    this.end(() => {
      this.#tell({ type: 'closed' });
      this.subscriber.complete();
    });
  }

  override unsubscribe(): void {
    const cancelled = !this.ended;
    super.unsubscribe();
    this.#expire();
    if (cancelled) this.#tell({ type: 'cancelled', phase: this.phase });
  }

  #expire(): void {
    this.#deadline?.unsubscribe();
    this.#deadline = Subscription.EMPTY;
  }

  /** Tells the end. */
  #tell(event: LifecycleEvent): void {
    this.trace(event);
    this.#told = true;
  }
}
