import {
  asyncScheduler,
  EMPTY,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { Scope, scoped, Watched, type Held } from '../stream/scope.js';
import { liveSession, type LiveSession } from './live-session.js';
import type { Session } from './session.js';

/** @returns Whether it has done what there is to do, and no answer is due. */
export type Probe = (session: Session) => boolean;

export interface KeepAliveConfig {
  /** Milliseconds without a byte from the server before it is asked; 60,000 by default, `Infinity` for never. */
  readonly idle?: number;
  /** Milliseconds that the server has to send something then, or to take what we write; 15,000 by default. */
  readonly timeout?: number;
  /** `whitespace` sends white space in place of pings; by default, and where this is not for the session, the server is asked. */
  readonly probe?: Probe;
  /** Asks at once: the machine woke up, the network changed, the page is visible again. */
  readonly wake$?: Observable<unknown>;
  readonly scheduler?: SchedulerLike;
}

/**
 * Notices a dead link: when nothing came for a while, the server is asked for a sign of life (by XEP-0198 `<r/>` where it is
 * enabled, else by an XEP-0199 ping, which a server answers even if only by an error), and a server that stays silent has
 * lost us. Any byte counts as life. So does progress of what we write: bytes that nobody takes are a dead link too.
 *
 * ```text
 * session               --s----------------------
 * in                      a  b
 * out                                  <r/>
 * keepAlive({ idle: 8,  --s---------------------#     { condition: 'timeout', phase: 'online' }
 *   timeout: 9 })
 * ```
 *
 * Errors with `XmppTimeoutError` at `idle + timeout` after the last byte at the latest, and writes no footer then, so that the
 * session can be resumed; with what the `probe` throws.
 */
export function keepAlive(config: KeepAliveConfig = {}): MonoTypeOperatorFunction<Session> {
  return scoped((subscriber) => new Watch(subscriber, config));
}

/**
 * Ends the session's stream when its link is dead. What has elapsed is told by octets and by this timer as far as can be: the
 * clock may be set back or forward meanwhile.
 */
class Watch extends Scope<Session> {
  readonly #idle: number;
  readonly #timeout: number;
  readonly #ask: Probe | undefined;
  readonly #wake$: Observable<unknown>;
  readonly #scheduler: SchedulerLike;
  #live!: LiveSession;
  #timer: Subscription | undefined;
  /** For how long the timer was set. */
  #scheduled = 0;
  /** How much had come when this was last looked at, and how long there may be silence from then on. */
  #received = 0;
  #silence = 0;
  /** While bytes wait and none is taken: how many had been taken, and how long that may last. */
  #stalledAt: number | undefined;
  #stall = 0;
  /** While a question is out: how much had come when it was asked, and how long the answer may take. */
  #askedAt: number | undefined;
  #answer = 0;
  /** Whether the time is up, and only what has arrived already may still be read. */
  #overdue = false;

  constructor(
    subscriber: Subscriber<Session>,
    { idle = 60_000, timeout = 15_000, probe, wake$ = EMPTY, scheduler = asyncScheduler }: KeepAliveConfig,
  ) {
    super(subscriber);
    this.#idle = idle;
    this.#timeout = timeout;
    this.#ask = probe;
    this.#wake$ = wake$;
    this.#scheduler = scheduler;
  }

  override entered(session: Session, held: Held<never>): void {
    if (held instanceof Watched) return this.probe();
    this.#live = liveSession(session);
    this.#received = this.#live.stream.connection.bytesReceived;
    this.#silence = this.#idle;
    this.#schedule(this.#idle);
    this.#live.watch = this;
    this.hold(this.#wake$, new Watched(this));
    // It may have ended all of this at once.
    if (this.ended) this.#stop();
    super.entered(session, held);
  }

  override unsubscribe(): void {
    this.#stop();
    super.unsubscribe();
  }

  #stop(): void {
    this.#timer?.unsubscribe();
  }

  #schedule(due: number): void {
    this.#timer?.unsubscribe();
    this.#scheduled = due;
    if (due < Infinity) this.#timer = this.#scheduler.schedule(check, due, this);
  }

  /** Asks at once, unless an answer is due already. */
  probe(): void {
    const { bytesReceived } = this.#live.stream.connection;
    if (this.ended || this.#askedAt === bytesReceived) return;
    if (this.#ask?.(this.#live)) {
      // Nothing to await but that it is taken.
      this.#silence = this.#idle;
      return this.#schedule(0);
    }
    this.#askedAt = bytesReceived;
    this.#answer = this.#timeout;
    this.#live.probe();
    this.#awaitAnswer();
  }

  /** The answer is looked for once in an idle time, so that the next silence is not told late where that is short. */
  #awaitAnswer(): void {
    this.#schedule(Math.min(this.#answer, this.#idle));
  }

  #fail(text?: string): void {
    if (!this.#overdue) {
      // A process that was stopped, or busy for long, finds its timers due before it has read what came meanwhile.
      this.#overdue = true;
      return this.#schedule(0);
    }
    this.#stop();
    this.#live.stream.fail(new XmppTimeoutError('online', this.#timeout, text));
  }

  check(): void {
    const { stream } = this.#live;
    const { bufferedBytes, bytesReceived, bytesSent } = stream.connection;
    if (bufferedBytes === 0) {
      this.#stalledAt = undefined;
    } else if (this.#stalledAt !== bytesSent) {
      this.#stalledAt = bytesSent;
      this.#stall = this.#timeout;
    } else if ((this.#stall -= this.#scheduled) <= 0) {
      return this.#fail(`the server takes no bytes; ${bufferedBytes} wait`);
    }

    if (this.#askedAt === bytesReceived) {
      if ((this.#answer -= this.#scheduled) > 0) return this.#awaitAnswer();
      return this.#fail();
    }
    this.#askedAt = undefined;
    this.#overdue = false;
    if (bytesReceived === this.#received) {
      this.#silence -= this.#scheduled;
    } else {
      this.#received = bytesReceived;
      this.#silence = Math.min(stream.receivedAt + this.#idle - this.#scheduler.now(), this.#idle);
    }
    const stall = this.#stalledAt === undefined ? this.#idle : this.#stall;
    if (this.#silence > 0) this.#schedule(Math.min(this.#silence, stall));
    else this.probe();
  }
}

/** One for all timers. What throws, as a `probe` may, ends it. */
function check(watch?: Watch): void {
  try {
    watch!.check();
  } catch (error) {
    watch!.failed(error);
  }
}
