import {
  asyncScheduler,
  defaultIfEmpty,
  defer,
  take,
  timer,
  EMPTY,
  Observable,
  type MonoTypeOperatorFunction,
  type ObservableInput,
  type SchedulerLike,
  type Subscriber,
} from 'rxjs';
import { TransportError } from '../errors/transport-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { Held, Scope, Watched } from '../stream/scope.js';
import { MAX_DUE } from '../transport/timeouts.js';
import { backoff, type Backoff } from './backoff.js';
import { isRetryable } from './is-retryable.js';

/** A wait for the next attempt. */
export interface Waiting {
  /** Failures since the last stable session. */
  readonly failures: number;
  /** Milliseconds to the next attempt; `Infinity` while that is not known: there is no network, or the veto is awaited. */
  readonly delay: number;
  /** When that will be, by the scheduler's clock. */
  readonly until: number;
  /** Why the last attempt ended, or that there is no network. */
  readonly error: XmppError;
}

export interface ReconnectConfig {
  /** Delays; `backoff()` by default. */
  readonly backoff?: Backoff;
  /** Milliseconds that a session must have lasted for failures to be forgotten; 30,000 by default. */
  readonly stableAfter?: number;
  /**
   * Whether there is a network; until it first emits there is. While there is none nothing is dialled, and an attempt that is
   * under way is given up; when it is back an attempt begins at once. What is established stays: only silence shows that it is
   * dead (`keepAlive`).
   */
  readonly online$?: Observable<boolean>;
  /** Somebody asks to retry now (hot): ends the wait, or begins an attempt that is under way anew. */
  readonly now$?: Observable<unknown>;
  /** Has the last word: emits `false` to give up with the error. It is not asked about fatal errors. */
  readonly veto?: (error: XmppError, failures: number) => ObservableInput<boolean>;
  /** Is told of each wait, and of each change of it. */
  readonly onWaiting?: (waiting: Waiting) => void;
  readonly scheduler?: SchedulerLike;
}

/**
 * Subscribes again after a loss, with growing delays. Fatal errors pass (see `isRetryable`), and so does completion: what we
 * closed stays closed.
 *
 * ```text
 * source       --s--#
 *                       --s-----#
 *                                  --s---
 * reconnect()  --s--------s----------s---
 * ```
 *
 * The next attempt begins after everything of the last one was released. Errors with the source's last error, and with
 * `UsageError` `veto-failed` or `backoff-failed` where those throw, or the delay is none.
 */
export function reconnect<T>(config: ReconnectConfig = {}): MonoTypeOperatorFunction<T> {
  return (source$) => new Observable((subscriber) => new Attempts(subscriber, source$, config).begin(config));
}

const DEFAULT_BACKOFF = /* #__PURE__ */ backoff();
/** One for all. */
const GO_ON = () => [true];

class Attempts<T> extends Scope<T> {
  readonly #source$: Observable<T>;
  readonly #backoff: Backoff;
  readonly #stableAfter: number;
  readonly #veto: NonNullable<ReconnectConfig['veto']>;
  readonly #onWaiting: ReconnectConfig['onWaiting'];
  readonly #scheduler: SchedulerLike;
  #network: Watched<boolean> | undefined;
  #online = true;
  /** The attempt, or the pause before the next; none while there is no network. */
  #held: Held<unknown> | undefined;
  /** What the pause before the next attempt is for: the veto's answer (and what comes before the first), then the delay. */
  #pause: 'veto' | 'backoff' | undefined = 'veto';
  /** When the session began, while there is one. */
  #since = Infinity;
  #failures = 0;
  #error: XmppError | undefined;
  /** Whether it was told that nobody knows when the next attempt will be. */
  #toldForever = false;

  /** @param source$ Is held for each attempt, while there is a network or somebody asks for one. */
  constructor(
    subscriber: Subscriber<T>,
    source$: Observable<T>,
    {
      backoff: delays = DEFAULT_BACKOFF,
      stableAfter = 30_000,
      veto = GO_ON,
      onWaiting,
      scheduler = asyncScheduler,
    }: ReconnectConfig,
  ) {
    super(subscriber);
    this.#source$ = source$;
    this.#backoff = delays;
    this.#stableAfter = stableAfter;
    this.#veto = veto;
    this.#onWaiting = onWaiting;
    this.#scheduler = scheduler;
  }

  begin({ online$ = EMPTY, now$ = EMPTY }: ReconnectConfig): void {
    // All the time, since what is hot does not tell again: the network may go while a session seems to live.
    this.hold(online$, (this.#network = new Watched(this)));
    this.hold(now$, new Watched(this));
    this.#pause = undefined;
    this.#begin(this.#online);
  }

  override entered(value: T | boolean, held: Held<never>): void {
    if (held === this.#network) {
      if (value !== this.#online) this.#begin((this.#online = value as boolean));
      return;
    }
    if (held instanceof Watched) return this.#begin(true);
    if (this.#pause === 'backoff') return this.#begin(true);
    if (this.#pause === 'veto') return value ? this.#wait() : super.failed(this.#error);
    this.#since = this.#scheduler.now();
    super.entered(value, held);
  }

  override failed(error: unknown): void {
    // Whatever is ours does not fail: it is what we were given.
    if (this.#pause) return super.failed(new UsageError(`${this.#pause}-failed`, 'see the cause', error));
    if (!(error instanceof XmppError) || !isRetryable(error)) return super.failed(error);
    if (this.#scheduler.now() - this.#since >= this.#stableAfter) this.#failures = 0;
    this.#since = Infinity;
    this.#failures++;
    this.#error = error;
    this.#toldForever = false;
    this.#pause = 'veto';
    this.then(() => {
      this.#next(defer(() => this.#veto(error, this.#failures)).pipe(take(1), defaultIfEmpty(true)));
      if (this.#pause === 'veto') this.#tell(Infinity);
    });
  }

  /** Begins an attempt, anew where one is under way, or ends it; what is established stays. */
  #begin(online: boolean): void {
    if (this.#pause === 'veto' || this.#since < Infinity) return;
    this.#pause = undefined;
    this.#toldForever &&= !online;
    this.#next(online ? this.#source$ : undefined);
    if (!online) this.#tell(Infinity);
  }

  /** The delay before the next attempt. Where the network is gone, or goes, its return ends it. */
  #wait(): void {
    this.#pause = 'backoff';
    const delay = this.#backoff(this.#failures - 1);
    // What it gave is the cause.
    if (!(delay >= 0)) return this.failed(delay);
    // First of all: whoever is told of the wait may end it.
    this.#next(this.#online && delay <= MAX_DUE ? timer(delay, this.#scheduler) : undefined);
    this.#tell(this.#online ? delay : Infinity);
  }

  /** Holds this in place of what was held. */
  #next(next$: Observable<unknown> | undefined): void {
    if (this.#held) this.release(this.#held);
    this.#held = next$ && new Held<unknown>(this);
    if (next$) this.hold(next$, this.#held);
  }

  #tell(delay: number): void {
    const forever = delay === Infinity;
    if (this.ended || (forever && this.#toldForever)) return;
    this.#toldForever = forever;
    const until = this.#scheduler.now() + delay;
    const error = this.#error ?? new TransportError({ condition: 'network-unreachable', phase: 'connect' });
    this.#onWaiting?.({ failures: this.#failures, delay, until, error });
  }
}
