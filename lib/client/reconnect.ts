import {
  asyncScheduler,
  BehaviorSubject,
  defaultIfEmpty,
  defer,
  dematerialize,
  distinctUntilChanged,
  filter,
  map,
  materialize,
  merge,
  NEVER,
  noop,
  Observable,
  retry,
  switchMap,
  take,
  tap,
  throwError,
  using,
  type MonoTypeOperatorFunction,
  type ObservableInput,
  type SchedulerLike,
} from 'rxjs';
import { TransportError } from '../errors/transport-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmppError } from '../errors/xmpp-error.js';
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
  const { online$ = NEVER } = config;
  return (source) =>
    defer(() => {
      // All the time, since what is hot does not tell again: the network may go while a session seems to live.
      const network$ = new BehaviorSubject(true);
      const listen = () => online$.subscribe({ next: (online) => network$.next(online), error: noop });
      return using(listen, () => attempts(source, network$.pipe(distinctUntilChanged()), config));
    });
}

function attempts<T>(
  source: Observable<T>,
  network$: Observable<boolean>,
  {
    backoff: delayOf = backoff(),
    stableAfter = 30_000,
    now$ = NEVER,
    veto,
    onWaiting = noop,
    scheduler = asyncScheduler,
  }: ReconnectConfig,
): Observable<T> {
  let failures = 0;
  let since: number | undefined;
  let error: XmppError | undefined;
  /** When the wait that was told last ends. */
  let toldUntil = -Infinity;

  const tell = (delay: number) => {
    const until = scheduler.now() + delay;
    if (until === Infinity && toldUntil === Infinity) return;
    toldUntil = until;
    onWaiting({ failures, delay, until, error: error ?? noNetwork() });
  };

  const attempt$ = defer(() => {
    let established = false;
    return merge(network$, now$.pipe(map(() => true))).pipe(
      filter(() => !established),
      switchMap((online) => {
        if (online) return source.pipe(materialize());
        tell(Infinity);
        return NEVER;
      }),
      tap(({ kind }) => {
        if (kind !== 'N') return;
        established = true;
        since = scheduler.now();
        toldUntil = -Infinity;
      }),
      dematerialize(),
    );
  });

  /** Emits when it is over. */
  const wait = (delay: number): Observable<unknown> =>
    new Observable<void>((subscriber) => {
      const done = () => subscriber.next();
      // First of all: whoever is told of the wait may end it.
      subscriber.add(now$.subscribe(done));
      if (delay < Infinity) subscriber.add(scheduler.schedule(done, delay));
      let before: boolean | undefined;
      subscriber.add(
        network$.subscribe((online) => {
          const isBack = before === false && online;
          before = online;
          if (isBack) done();
          else tell(online ? delay : Infinity);
        }),
      );
    });

  const ask = (cause: XmppError): Observable<unknown> => {
    if (!veto) return wait(delayOf(failures - 1));
    return asked(
      () => veto(cause, failures),
      () => tell(Infinity),
    ).pipe(switchMap((goOn) => (goOn ? wait(delayOf(failures - 1)) : throwError(() => cause))));
  };

  return attempt$.pipe(
    retry({
      delay: (cause: unknown) => {
        if (!(cause instanceof XmppError) || !isRetryable(cause)) return throwError(() => cause);
        if (since !== undefined && scheduler.now() - since >= stableAfter) failures = 0;
        since = undefined;
        failures++;
        error = cause;
        toldUntil = -Infinity;
        return ask(cause);
      },
    }),
  );
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
