import { Subscription, type MonoTypeOperatorFunction, type SchedulerLike, type Subscriber } from 'rxjs';
import { Scope, scoped, type Held } from '../stream/scope.js';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { liveSession } from './live-session.js';
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
  readonly #bound = new Subscription();

  constructor(subscriber: Subscriber<Session>, due: number, scheduler: SchedulerLike) {
    super(subscriber);
    this.#due = due;
    this.#scheduler = scheduler;
  }

  override entered(session: Session, held: Held<never>): void {
    const complete = () => this.#bound.add(this.#scheduler.schedule(() => this.completed(held), this.#due));
    if (this.#due < Infinity) this.#bound.add(liveSession(session).closing$.subscribe({ complete }));
    super.entered(session, held);
  }

  override unsubscribe(): void {
    this.#bound.unsubscribe();
    super.unsubscribe();
  }
}
