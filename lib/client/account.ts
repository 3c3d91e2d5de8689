import {
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  dematerialize,
  EMPTY,
  finalize,
  ignoreElements,
  map,
  materialize,
  merge,
  of,
  startWith,
  Subject,
  Subscription,
  switchMap,
  take,
  tap,
  throwError,
  timeout,
  type MonoTypeOperatorFunction,
  type Observable,
  type Subscriber,
} from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import { StreamError } from '../errors/stream-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { jid } from '../jid/jid.js';
import { scramKeyCache } from '../sasl/scram-key-cache.js';
import type { Delivery, Outgoing, Undelivered } from '../session/delivery.js';
import type { RequestHandlers } from '../session/request-handlers.js';
import { keepResumable, readResumable, type ResumptionStore } from '../session/resumption-store.js';
import type { IqOptions, Session } from '../session/session.js';
import { lost, SessionMemory } from '../session/session-memory.js';
import { deadline } from '../stream/deadline.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import { serialize } from '../xml/serialize.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Attempt } from './attempt.js';
import { attemptConfig, pipelined } from './attempt-config.js';
import { browserOnline, browserWake } from './browser-events.js';
import type { XmppClientOptions } from './client-options.js';
import { followRedirects } from './follow-redirects.js';
import { prepareOptions, type Prepared } from './options.js';
import { reconnect, type Waiting } from './reconnect.js';
import { lifecycle } from './xmpp-stream.js';

/** What an account has in common with the others of its client. */
export interface AccountContext {
  readonly handlers: RequestHandlers;
  readonly undelivered$: Subject<Undelivered>;
  readonly now$: Observable<unknown>;
  readonly wake$: Observable<unknown>;
  nextAttempt(): number;
  onTrace(event: TraceEvent): void;
  onWaiting(waiting: Waiting): void;
}

/**
 * One value of a client's options at work: attempt after attempt, and what goes on between them. Nothing of it is ever used
 * with other options, so no stanza can reach another account's session (defect D8).
 */
export class Account {
  readonly #options: XmppClientOptions;
  readonly #context: AccountContext;
  readonly #prepared: Prepared;
  readonly #memory: SessionMemory;
  readonly #store: ResumptionStore | undefined;
  readonly #stop$ = new Subject<void>();
  readonly #keeping = new Subscription();
  /** Where the server sent the last session. */
  #moved: string | undefined;
  #stopped = false;

  /** @throws UsageError, JidError As `prepareOptions` does. */
  constructor(options: XmppClientOptions, context: AccountContext) {
    this.#options = options;
    this.#context = context;
    this.#prepared = prepareOptions({ ...options, keys: options.keys ?? scramKeyCache() });
    const { scheduler, random, streamManagement } = this.#prepared;
    this.#memory = new SessionMemory(scheduler, random, {
      handlers: context.handlers,
      undelivered$: context.undelivered$,
      resendLost: options.resendLost,
    });
    this.#store = streamManagement ? streamManagement.store : undefined;
  }

  /** Every session in turn. Errors when the client cannot or must not come back; completes when a session was closed. */
  readonly session$: Observable<Session> = defer(() => concat(this.#restore(), this.#attempts())).pipe(
    stoppable(() => this.#stop$),
    // Whatever came in the way of the closing handshake, we asked for the end.
    catchError((error: unknown) =>
      error instanceof XmppError && error.phase === 'close' ? EMPTY : throwError(() => error),
    ),
    tap({
      error: (error: unknown) => this.#stop('the client gave up', error instanceof XmppError ? error : undefined),
    }),
    finalize(() => this.#stop('the client was stopped')),
  );

  /**
   * Takes a stanza while there is no session.
   *
   * @throws XmlError, StanzaError Where it cannot wait.
   */
  hold(stanza: XmlElement, observer?: Subscriber<Delivery>): void {
    this.#hold(stanza, () => this.#memory.outgoing(stanza, observer), false);
  }

  /**
   * A request that begins while there is no session.
   *
   * @param always Whether it waits for one although nothing else does.
   */
  request(
    type: 'get' | 'set',
    payload: XmlElement,
    to: string | undefined,
    options: IqOptions,
    always: boolean,
  ): Observable<XmlElement> {
    const due = options.timeout ?? this.#prepared.iqTimeout;
    return defer(() => {
      let held: Outgoing | undefined;
      return this.#memory.iqs
        .request(type, payload, to, due, (iq) => {
          held = this.#hold(iq, () => this.#memory.outgoingRequest(iq), always);
        })
        .pipe(finalize(() => held && this.#memory.withdraw(held)));
    });
  }

  /** Ends the attempt or the wait; nothing follows it. */
  stop(): void {
    this.#stop$.next();
  }

  #hold(stanza: XmlElement, outgoing: () => Outgoing, always: boolean): Outgoing {
    const { whileOffline = 'error' } = this.#options;
    if (this.#stopped) throw notConnected('the client is stopping');
    if (!always && whileOffline === 'error') throw notConnected('there is no session at present');
    if (!always && whileOffline !== 'error' && this.#memory.waiting >= whileOffline.queue) {
      throw notConnected('there is no session, and the queue is full');
    }
    // What cannot be written fails now, and not behind the back of its sender.
    serialize(stanza);
    const held = outgoing();
    this.#memory.wait(held);
    return held;
  }

  #stop(text: string, cause?: XmppError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#memory.stop(lost(text, cause));
    this.#keeping.unsubscribe();
  }

  /** Goes on where another process was, if there is something stored. */
  #restore(): Observable<never> {
    const store = this.#store;
    if (!store) return EMPTY;
    const { jid: account, domain, timeouts, scheduler } = this.#prepared;
    return defer(() => store.load()).pipe(
      take(1),
      timeout({ first: timeouts.resume, scheduler, with: () => of(undefined) }),
      catchError(() => of(undefined)),
      defaultIfEmpty(undefined),
      tap((state) => {
        const resumable = state ? readResumable(state, account ?? jid(domain)) : undefined;
        if (resumable) this.#memory.restore(resumable);
        else if (state) store.clear();
        this.#keeping.add(keepResumable(this.#memory, store, scheduler));
      }),
      ignoreElements(),
    );
  }

  #attempts(): Observable<Session> {
    const { transport, asciiDomain, scheduler } = this.#prepared;
    // A browser without a network reaches its own machine all the same.
    const usual$ = transport.isLoopback?.(asciiDomain) ? undefined : browserOnline();
    const { reconnect: policy = {}, online$ = usual$ } = this.#options;
    const attempts$ = defer(() => this.#attempt());
    if (policy === false) return attempts$;
    const { now$, onWaiting } = this.#context;
    return attempts$.pipe(reconnect({ ...policy, online$, now$, onWaiting, scheduler }));
  }

  #attempt(): Observable<Session> {
    const prepared = this.#prepared;
    const { keepAlive, scheduler, timeouts } = prepared;
    const attempt = new Attempt(this.#context.nextAttempt(), scheduler, (event) => {
      if (event.type === 'authenticated') prepared.pin.mechanism = event.mechanism;
      prepared.report(event);
      this.#context.onTrace(event);
    });
    const resumable = this.#options.reconnect !== false || this.#store !== undefined;
    const wake$ = merge(this.#context.wake$, keepAlive.wake$ ?? EMPTY, this.#options.wake$ ?? browserWake());
    const withWake = { ...prepared, keepAlive: { ...keepAlive, wake$ } };
    const begin = this.#moved ?? this.#memory.resumption?.location;
    this.#moved = undefined;
    return followRedirects(
      attempt.trace,
      (location) =>
        pipelined(prepared, this.#memory, (ahead) =>
          lifecycle(attemptConfig(withWake, this.#memory, resumable, attempt.trace, location, ahead)),
        ),
      begin,
    ).pipe(
      deadline(timeouts.deadline, scheduler, () => attempt.phase),
      tap({
        error: (error: unknown) => {
          if (error instanceof StreamError && error.phase === 'online') this.#moved = error.location?.trim();
        },
      }),
      attempt.recorded(),
    );
  }
}

/** Releases the source at its word, and only then completes. */
function stoppable<T>(stop: () => Observable<unknown>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(stop).pipe(
      take(1),
      map((): Observable<T> => EMPTY),
      startWith(source),
      switchMap((current) => current.pipe(materialize())),
      dematerialize(),
    );
}

/** The error for what is sent while nothing can take it. */
export function notConnected(text: string): StanzaError {
  return new StanzaError({ condition: 'not-connected', text, type: 'wait' });
}
