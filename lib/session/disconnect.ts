import type { MonoTypeOperatorFunction, SchedulerLike, Subscriber, Subscription } from 'rxjs';
import { Scope, scoped, type Held } from '../stream/scope.js';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { liveSession, type LiveSession } from './live-session.js';
import type { Session } from './session.js';

/**
 * Bounds the closing handshake: once the session's `close()` was called, the peer has the `close` bound to answer the footer;
 * then the connection is given up. Either way the result completes, since we asked for it.
 *
 * ```text
 * session        --s------------------
 * s.close()             ^
 * disconnect(5)  --s---------|
 * out                   </stream:stream>
 * ```
 *
 * @see RFC 6120 section 4.4
 */
export function disconnect(config: StageConfig = {}): MonoTypeOperatorFunction<Session> {
  const { timeouts, scheduler } = stageOf(config);
  return scoped((subscriber) => new Closing(subscriber, timeouts.close, scheduler));
}

class Closing extends Scope<Session> {
  readonly #due: number;
  readonly #scheduler: SchedulerLike;
  /** Another bound of the same session. */
  #inner: LiveSession['closer'];
  #bound: Subscription | undefined;

  constructor(subscriber: Subscriber<Session>, due: number, scheduler: SchedulerLike) {
    super(subscriber);
    this.#due = due;
    this.#scheduler = scheduler;
  }

  override entered(session: Session, held: Held<never>): void {
    const live = liveSession(session);
    this.#inner = live.closer;
    live.closer = this;
    super.entered(session, held);
  }

  closing(): void {
    this.#inner?.closing();
    if (!this.ended && this.#due < Infinity) this.#bound = this.#scheduler.schedule(() => this.completed(), this.#due);
  }

  override unsubscribe(): void {
    this.#bound?.unsubscribe();
    super.unsubscribe();
  }
}
