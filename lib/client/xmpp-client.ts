import {
  BehaviorSubject,
  defer,
  EMPTY,
  isObservable,
  map,
  NEVER,
  Observable,
  of,
  share,
  Subject,
  switchMap,
  using,
  type Subscription,
} from 'rxjs';
import { XmppError } from '../errors/xmpp-error.js';
import type { Jid } from '../jid/jid.js';
import type { Delivery, Undelivered } from '../session/delivery.js';
import { RequestHandlers, type RequestHandler } from '../session/request-handlers.js';
import { liveSession, type LiveSession } from '../session/live-session.js';
import type { Sender } from '../session/sender.js';
import type { ByteCount, IqOptions, Session } from '../session/session.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Account, notConnected, type AccountContext } from './account.js';
import type { XmppClientOptions } from './client-options.js';
import type { Waiting } from './reconnect.js';
import { statusAfter, type XmppStatus } from './status.js';
import { whenBusy } from './when-busy.js';

/** A connection that is kept. */
export interface XmppClient {
  /**
   * The present session, and each that follows. Holds the connection, shared and counted: the first subscriber connects, the
   * last to leave disconnects.
   *
   * Errors with the fatal error, or completes after `close()`, where no other options can follow; with an observable of options
   * that goes on, `status$` tells and the next options start anew.
   */
  readonly session$: Observable<Session>;
  /** What the client is doing: the present status, and each that follows. Only watches. */
  readonly status$: Observable<XmppStatus>;
  /** Every lifecycle event of every attempt. Only watches. */
  readonly trace$: Observable<TraceEvent>;
  /**
   * Stanzas of all sessions in turn, as `Session.stanza$`. Holds the connection. Completes where `session$` errors or
   * completes: the reason is told there and by `status$`.
   */
  readonly stanza$: Observable<XmlElement>;
  readonly message$: Observable<XmlElement>;
  readonly presence$: Observable<XmlElement>;
  readonly nonza$: Observable<XmlElement>;
  /** Octets over all sessions. Only watches. */
  readonly bytes$: Observable<ByteCount>;
  /** What was sent by `send()` and has not, or not surely, arrived. */
  readonly undelivered$: Observable<Undelivered>;
  /** The present session, if there is one. */
  readonly session: Session | undefined;
  /**
   * Sends on the present session. See `XmppClientOptions.whileOffline` for when there is none.
   *
   * @throws XmlError For what cannot be written as XML.
   * @throws StanzaError `not-connected` while there is no session.
   */
  send(stanza: XmlElement): void;
  /** As `Session.deliver`; a delivery goes on across a resumption. Holds the connection until it is settled. */
  deliver(stanza: XmlElement): Observable<Delivery>;
  /**
   * As `Session.iq`; a request goes on across a resumption. Holds the connection while it waits: where nothing else does, it
   * connects.
   */
  iq(type: 'get' | 'set', payload: XmlElement, to?: Jid | string, options?: IqOptions): Observable<XmlElement>;
  /** As `Session.handle`, for all sessions, until unsubscribed. */
  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription;
  /** Holds the connection until unsubscribed. */
  connect(): Subscription;
  /**
   * Closes the present session in good order (see `Session.close`) and does not come back; an attempt or a wait ends at once.
   * `session$` completes then (or awaits other options). Cold.
   */
  close(): Observable<never>;
  /** Asks at once whether the link is alive. */
  wake(): void;
  /** Ends a wait for the next attempt, or begins an attempt that is under way anew. */
  retryNow(): void;
}

/**
 * A client: connects, stays connected, and tells what it is doing.
 *
 * ```text
 * options$     --a--------------b-------n---      n: null
 * xmppClient   -----s--#             s
 * session$     -----A-----A'---------B------      A': after a loss
 * status$      o-c--O--w-cO-----c----O--o---
 * ```
 *
 * Options as an observable: each value replaces the attempt or session before it (`switchMap`), or does what its `whenBusy`
 * says; `null` disconnects.
 */
export function xmppClient(options: XmppClientOptions | Observable<XmppClientOptions | null>): XmppClient {
  return new LiveClient(isObservable(options) ? options : of(options));
}

class LiveClient implements XmppClient {
  readonly #status$ = new BehaviorSubject<XmppStatus>({ kind: 'offline' });
  readonly #trace$ = new Subject<TraceEvent>();
  readonly #session$ = new BehaviorSubject<Session | undefined>(undefined);
  readonly #undelivered$ = new Subject<Undelivered>();
  readonly #now$ = new Subject<void>();
  readonly #wake$ = new Subject<void>();
  readonly #handlers = new RequestHandlers();
  /** Octets of the sessions that are over. */
  readonly #before$ = new BehaviorSubject<ByteCount>({ received: 0, sent: 0 });
  readonly #running$: Observable<never>;
  readonly #context: AccountContext = {
    handlers: this.#handlers,
    undelivered$: this.#undelivered$,
    now$: this.#now$,
    wake$: this.#wake$,
    nextAttempt: () => ++this.#attempts,
    onSession: (session) => this.#onSession(session),
    onFailed: (error) => this.#onFailed(error),
    onEnd: (account) => this.#onEnd(account),
    onTrace: (event) => this.#onTrace(event),
    onWaiting: (waiting) => this.#onWaiting(waiting),
  };
  #account: Account | undefined;
  #attempts = 0;
  /** What the last options came to grief by. It is the end only where no other options can follow. */
  #fatal: { readonly error: unknown } | undefined;

  constructor(options$: Observable<XmppClientOptions | null>) {
    this.#running$ = defer(() => this.#run(options$)).pipe(share());
  }

  get status$(): Observable<XmppStatus> {
    return this.#status$.asObservable();
  }

  get trace$(): Observable<TraceEvent> {
    return this.#trace$.asObservable();
  }

  get undelivered$(): Observable<Undelivered> {
    return this.#undelivered$.asObservable();
  }

  get session$(): Observable<Session> {
    return new Observable((subscriber) => {
      subscriber.add(this.#session$.subscribe(() => this.session && subscriber.next(this.session)));
      subscriber.add(
        this.#running$.subscribe({
          error: (error: unknown) => subscriber.error(error),
          complete: () => (this.#fatal ? subscriber.error(this.#fatal.error) : subscriber.complete()),
        }),
      );
    });
  }

  get stanza$(): Observable<XmlElement> {
    return this.#ofSession((session) => session.stanza$);
  }

  get message$(): Observable<XmlElement> {
    return this.#ofSession((session) => session.message$);
  }

  get presence$(): Observable<XmlElement> {
    return this.#ofSession((session) => session.presence$);
  }

  get nonza$(): Observable<XmlElement> {
    return this.#ofSession((session) => session.nonza$);
  }

  get bytes$(): Observable<ByteCount> {
    return this.#session$.pipe(
      switchMap((session) => (session ? session.bytes$ : of({ received: 0, sent: 0 }))),
      map(({ received, sent }) => {
        const before = this.#before$.value;
        return { received: before.received + received, sent: before.sent + sent };
      }),
    );
  }

  get session(): Session | undefined {
    const session = this.#session$.value;
    // Whoever is told of the end in its midst has no session any more.
    return session && !liveSession(session).over ? session : undefined;
  }

  send(stanza: XmlElement): void {
    this.#sender().send(stanza);
  }

  deliver(stanza: XmlElement): Observable<Delivery> {
    return defer(() => {
      const sender = this.#sender();
      return this.#holding(() => sender.deliver(stanza));
    });
  }

  iq(type: 'get' | 'set', payload: XmlElement, to?: Jid | string, options?: IqOptions): Observable<XmlElement> {
    return defer(() => {
      const first = this.#account === undefined;
      return this.#holding(() => this.#sender().iq(type, payload, to, options, first));
    });
  }

  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription {
    return this.#handlers.add(type, xmlns, project);
  }

  connect(): Subscription {
    // What ends it is told by `status$`; nobody here could take an error.
    return this.#running$.subscribe({ error: () => undefined });
  }

  close(): Observable<never> {
    return defer(() => {
      if (this.session) return this.session.close();
      this.#account?.stop();
      return EMPTY;
    });
  }

  wake(): void {
    this.#wake$.next();
  }

  retryNow(): void {
    this.#now$.next();
  }

  #ofSession(project: (session: Session) => Observable<XmlElement>): Observable<XmlElement> {
    return new Observable<XmlElement>((subscriber) => {
      subscriber.add(
        this.#session$.pipe(switchMap((session) => (session ? project(session) : NEVER))).subscribe((element) => {
          subscriber.next(element);
        }),
      );
      const complete = () => subscriber.complete();
      subscriber.add(this.#running$.subscribe({ error: complete, complete }));
    });
  }

  /** Without a hold of its own, what waits would die with its caller's last other subscription. */
  #holding<T>(project: () => Observable<T>): Observable<T> {
    return using(() => this.connect(), project);
  }

  /** @throws StanzaError Where nothing is to come that a stanza could wait for. */
  #sender(): Sender {
    const sender = (this.session as LiveSession | undefined) ?? this.#account;
    if (sender) return sender;
    throw notConnected('the client is offline; subscribe to `session$`, or call `connect()`');
  }

  /** Works for each of the options in turn. Its own subscribers get nothing but the end. */
  #run(options$: Observable<XmppClientOptions | null>): Observable<never> {
    this.#fatal = undefined;
    return options$.pipe(
      whenBusy(
        () => this.#account !== undefined,
        (options) => this.#work(options),
        (error) => this.#onFailed(error),
      ),
    );
  }

  #work(options: XmppClientOptions | null): Observable<never> {
    this.#fatal = undefined;
    if (!options) return EMPTY;
    try {
      return (this.#account = new Account(options, this.#context)).work$;
    } catch (error) {
      this.#onFailed(error);
      return EMPTY;
    }
  }

  #onFailed(error: unknown): void {
    this.#fatal = { error };
    this.#status$.next(error instanceof XmppError ? { kind: 'offline', error } : { kind: 'offline' });
  }

  /** Nothing more comes of an account. Stopped in the midst of a wait, no attempt is there to tell. */
  #onEnd(account: Account): void {
    if (this.#account !== account) return;
    this.#account = undefined;
    if (this.#status$.value.kind !== 'offline') this.#status$.next({ kind: 'offline' });
  }

  #onSession(session: Session): void {
    this.#session$.next(session);
    // A subscriber may have ended it already, or begun to.
    if (this.session !== session || liveSession(session).closing) return;
    this.#status$.next({ kind: 'online', attempt: this.#attempts, jid: session.jid, resumed: session.resumed });
  }

  #onTrace(event: TraceEvent): void {
    const ended = event.type === 'closed' || event.type === 'failed' || event.type === 'cancelled';
    const session = this.#session$.value;
    if (ended && session) {
      const { received, sent } = session.bytes;
      const before = this.#before$.value;
      this.#before$.next({ received: before.received + received, sent: before.sent + sent });
      this.#session$.next(undefined);
    }
    this.#trace$.next(event);
    // After a failure comes a wait, or the end: each tells its own status.
    if (event.type === 'closed' || event.type === 'cancelled') this.#status$.next({ kind: 'offline' });
    const status = statusAfter(event);
    if (status) this.#status$.next(status);
  }

  #onWaiting({ failures, delay, until, error }: Waiting): void {
    this.#status$.next({ kind: 'waiting', attempt: this.#attempts, failures, delay, until, error });
  }
}
