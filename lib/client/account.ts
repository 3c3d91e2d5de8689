import {
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  Observable,
  of,
  Subscription,
  take,
  tap,
  timeout,
  type Subject,
  type Subscriber,
} from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import { StreamError } from '../errors/stream-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { jid } from '../jid/jid.js';
import { scramKeyCache } from '../sasl/scram-key-cache.js';
import type { Outgoing, Undelivered } from '../session/delivery.js';
import type { RequestHandlers } from '../session/request-handlers.js';
import { keepResumable, readResumable, type ResumptionStore } from '../session/resumption-store.js';
import { Sender } from '../session/sender.js';
import type { Session } from '../session/session.js';
import { lost, SessionMemory } from '../session/session-memory.js';
import { deadline } from '../stream/deadline.js';
import { Scope } from '../stream/scope.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import { serialize } from '../xml/serialize.js';
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
  onSession(session: Session): void;
  /** The client cannot, or must not, come back. */
  onFailed(error: unknown): void;
  /** Nothing more comes of the account. */
  onEnd(account: Account): void;
  onTrace(event: TraceEvent): void;
  onWaiting(waiting: Waiting): void;
}

/**
 * One value of a client's options at work: attempt after attempt, and what goes on between them. Nothing of it is ever used
 * with other options, so no stanza can reach another account's session (defect D8).
 */
export class Account extends Sender {
  readonly #options: XmppClientOptions;
  readonly #context: AccountContext;
  readonly #prepared: Prepared;
  readonly #store: ResumptionStore | undefined;
  readonly #keeping = new Subscription();
  /** Where the server sent the last session. */
  #moved: string | undefined;
  #stopped = false;
  #work: Work | undefined;

  /** @throws UsageError, JidError As `prepareOptions` does. */
  constructor(options: XmppClientOptions, context: AccountContext) {
    const prepared = prepareOptions({ ...options, keys: options.keys ?? scramKeyCache() });
    const { scheduler, random, streamManagement, iqTimeout } = prepared;
    const { handlers, undelivered$ } = context;
    super(new SessionMemory(scheduler, random, { handlers, undelivered$, resendLost: options.resendLost }), iqTimeout);
    this.#options = options;
    this.#context = context;
    this.#prepared = prepared;
    this.#store = streamManagement ? streamManagement.store : undefined;
  }

  /** Connects, and comes back until told to stop. Completes when a session was closed, and when it gives up. */
  readonly work$ = new Observable<never>((subscriber) => {
    const { session$ } = this;
    this.#work = new Work(subscriber, this, this.#context);
    this.#work.hold(session$);
  });

  /** Every session in turn. */
  get session$(): Observable<Session> {
    return this.#store ? concat(this.#restore(this.#store), this.#attempts()) : this.#attempts();
  }

  /** Takes a stanza while there is no session. */
  transmit(outgoing: Outgoing, always = false): void {
    const { whileOffline = 'error' } = this.#options;
    const { memory } = this;
    memory.waiting = memory.waiting.filter(({ settled }) => !settled);
    const room = always ? Infinity : whileOffline === 'error' ? 0 : whileOffline.queue;
    if (this.#stopped || memory.waiting.length >= room) {
      const full = room > 0 ? 'the queue is full' : 'there is no session at present';
      throw notConnected(this.#stopped ? 'the client is stopping' : full);
    }
    // What cannot be written fails now, and not behind the back of its sender.
    serialize(outgoing.stanza);
    memory.waiting.push(outgoing);
    outgoing.queued();
  }

  /** Ends the attempt or the wait; nothing follows it. */
  stop(): void {
    this.#work?.completed();
  }

  /** Settles all that was sent for it. */
  settle(text: string, cause?: XmppError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.memory.stop(lost(text, cause));
    this.#keeping.unsubscribe();
  }

  /** Goes on where another process was, if there is something stored. */
  #restore(store: ResumptionStore): Observable<never> {
    const { jid: account, domain, timeouts, scheduler } = this.#prepared;
    return defer(() => store.load()).pipe(
      take(1),
      timeout({ first: timeouts.resume, scheduler, with: () => of(undefined) }),
      catchError(() => of(undefined)),
      defaultIfEmpty(undefined),
      tap((state) => {
        const resumable = state ? readResumable(state, account ?? jid(domain)) : undefined;
        if (resumable) this.memory.restore(resumable);
        else if (state) store.clear();
        this.#keeping.add(keepResumable(this.memory, store, scheduler));
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
    const begin = this.#moved ?? this.memory.resumption?.location;
    this.#moved = undefined;
    return followRedirects(
      attempt.trace,
      (location) =>
        pipelined(prepared, this.memory, (ahead) =>
          lifecycle(attemptConfig(prepared, this.memory, resumable, attempt.trace, location, ahead, wake$)),
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

class Work extends Scope<never> {
  constructor(
    subscriber: Subscriber<never>,
    private readonly account: Account,
    private readonly context: AccountContext,
  ) {
    super(subscriber);
  }

  override entered(session: Session): void {
    this.context.onSession(session);
  }

  override completed(): void {
    this.end(() => this.subscriber.complete());
  }

  override failed(error: unknown): void {
    // Whatever came in the way of the closing handshake, we asked for the end.
    if (!(error instanceof XmppError && error.phase === 'close')) {
      this.account.settle('the client gave up', error instanceof XmppError ? error : undefined);
      this.context.onFailed(error);
    }
    this.completed();
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.account.settle('the client was stopped');
    this.context.onEnd(this.account);
  }
}

/** The error for what is sent while nothing can take it. */
export function notConnected(text: string): StanzaError {
  return new StanzaError({ condition: 'not-connected', text, type: 'wait' });
}
