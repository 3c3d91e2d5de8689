import {
  asyncScheduler,
  BehaviorSubject,
  defaultIfEmpty,
  defer,
  noop,
  Observable,
  Subscription,
  switchMap,
  take,
  tap,
  throwError,
  type MonoTypeOperatorFunction,
  type ObservableInput,
  type SchedulerLike,
  type Subscriber,
} from 'rxjs';
import { TransportError } from '../errors/transport-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { Held, Scope, scoped } from '../stream/scope.js';
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
 * `UsageError` `veto-failed`.
 */
export function reconnect<T>(config: ReconnectConfig = {}): MonoTypeOperatorFunction<T> {
  return scoped((subscriber) => new Attempts(subscriber, config));
}

class Attempts<T> extends Scope<T> {
  readonly #config: ReconnectConfig;
  readonly #backoff: Backoff;
  readonly #scheduler: SchedulerLike;
  #source$!: Observable<T>;
  /** Without what is told twice. */
  readonly #network$ = new BehaviorSubject(true);
  readonly #watching = new Subscription();
  #attempt: Held<T> | undefined;
  /** The veto or the wait between two attempts. */
  #pause: Held<unknown> | undefined;
  /** When the session began, while there is one. */
  #since: number | undefined;
  #failures = 0;
  #error: XmppError | undefined;
  /** When the wait that was told last ends. */
  #toldUntil = -Infinity;

  constructor(subscriber: Subscriber<T>, config: ReconnectConfig) {
    super(subscriber);
    this.#config = config;
    this.#backoff = config.backoff ?? backoff();
    this.#scheduler = config.scheduler ?? asyncScheduler;
  }

  /** @param source$ Is held for each attempt, while there is a network or somebody asks for one. */
  override hold<V>(source$: Observable<V>): void {
    this.#source$ = source$ as Observable<unknown> as Observable<T>;
    const { online$, now$ } = this.#config;
    const network$ = this.#network$;
    // All the time, since what is hot does not tell again: the network may go while a session seems to live.
    this.#watching.add(
      online$?.subscribe({ next: (online) => online !== network$.value && network$.next(online), error: noop }),
    );
    this.#watching.add(now$?.subscribe(() => this.#begin(true)));
    this.#watching.add(network$.subscribe((online) => this.#begin(online)));
    if (this.ended) this.#watching.unsubscribe();
  }

  override entered(value: T, held: Held<never>): void {
    if (held === this.#pause) {
      this.release(held);
      this.#pause = undefined;
      return this.#begin(this.#network$.value);
    }
    this.#since = this.#scheduler.now();
    this.#toldUntil = -Infinity;
    super.entered(value, held);
  }

  override failed(error: unknown, held: Held<never>): void {
    if (held !== this.#attempt || !(error instanceof XmppError) || !isRetryable(error)) return super.failed(error);
    const { stableAfter = 30_000 } = this.#config;
    if (this.#since !== undefined && this.#scheduler.now() - this.#since >= stableAfter) this.#failures = 0;
    this.#since = undefined;
    this.#failures++;
    this.#error = error;
    this.#toldUntil = -Infinity;
    const pause = new Held<unknown>(this);
    this.#pause = pause;
    this.then(() => {
      this.release(held);
      super.hold(
        defer(() => this.#ask(error)),
        pause,
      );
    });
  }

  override unsubscribe(): void {
    this.#watching.unsubscribe();
    super.unsubscribe();
  }

  /** Begins an attempt, anew where one is under way; what is established stays. */
  #begin(online: boolean): void {
    if (this.#pause || this.#since !== undefined) return;
    if (this.#attempt) this.release(this.#attempt);
    if (!online) return this.#tell(Infinity);
    this.#attempt = new Held(this);
    super.hold(this.#source$, this.#attempt);
  }

  #tell(delay: number): void {
    const until = this.#scheduler.now() + delay;
    if (until === Infinity && this.#toldUntil === Infinity) return;
    this.#toldUntil = until;
    const { onWaiting } = this.#config;
    onWaiting?.({ failures: this.#failures, delay, until, error: this.#error ?? noNetwork() });
  }

  #ask(cause: XmppError): Observable<unknown> {
    const { veto } = this.#config;
    if (!veto) return this.#wait();
    return asked(
      () => veto(cause, this.#failures),
      () => this.#tell(Infinity),
    ).pipe(switchMap((goOn) => (goOn ? this.#wait() : throwError(() => cause))));
  }

  /** Emits when it is over. */
  #wait(): Observable<unknown> {
    const delay = this.#backoff(this.#failures - 1);
    return new Observable<void>((subscriber) => {
      const done = () => subscriber.next();
      // First of all: whoever is told of the wait may end it.
      subscriber.add(this.#config.now$?.subscribe(done));
      if (delay < Infinity) subscriber.add(this.#scheduler.schedule(done, delay));
      let before: boolean | undefined;
      subscriber.add(
        this.#network$.subscribe((online) => {
          const isBack = before === false && online;
          before = online;
          if (isBack) done();
          else this.#tell(online ? delay : Infinity);
        }),
      );
    });
  }
}

/** The veto's answer; `true` where it gives none. Calls `onDelay` if the answer is not there at once. */
function asked(veto: () => ObservableInput<boolean>, onDelay: () => void): Observable<boolean> {
  return new Observable<boolean>((subscriber) => {
    let answered = false;
    const answer$ = defer(veto).pipe(
      take(1),
      defaultIfEmpty(true),
      tap({ next: () => (answered = true), error: () => (answered = true) }),
    );
    subscriber.add(
      answer$.subscribe({
        next: (goOn) => subscriber.next(goOn),
        error: (cause: unknown) =>
          subscriber.error(new UsageError('veto-failed', 'the veto of `reconnect` failed', cause)),
        complete: () => subscriber.complete(),
      }),
    );
    if (!answered) onDelay();
  });
}

function noNetwork(): TransportError {
  return new TransportError({ condition: 'network-unreachable', phase: 'connect', text: 'there is no network' });
}
