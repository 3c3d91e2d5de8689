import {
  catchError,
  defer,
  distinctUntilChanged,
  EMPTY,
  map,
  noop,
  Observable,
  of,
  switchMap,
  using,
  type Subscription,
} from 'rxjs';
import type { Jid } from '../jid/jid.js';
import type { Delivery, Undelivered } from '../session/delivery.js';
import type { RequestHandler } from '../session/request-handlers.js';
import type { Sender } from '../session/sender.js';
import type { ByteCount, IqOptions, Session } from '../session/session.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import type { XmlElement } from '../xml/xml-element.js';
import { notConnected } from './account.js';
import { ClientMemory, NO_BYTES, sum } from './client-memory.js';
import type { XmppClientOptions } from './client-options.js';
import type { XmppStatus } from './status.js';

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
  /** Those of `stanza$` that are messages, of whatever type. */
  readonly message$: Observable<XmlElement>;
  /** Those of `stanza$` that are presence, of whatever type. */
  readonly presence$: Observable<XmlElement>;
  /** As `Session.nonza$`, of all sessions in turn. Holds the connection. */
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
   * @throws StanzaError `not-connected` while there is no session, `session-lost` while the present one is being closed.
   */
  send(stanza: XmlElement): void;
  /** As `Session.deliver`; a delivery goes on across a resumption. Holds the connection until it is settled. */
  deliver(stanza: XmlElement): Observable<Delivery>;
  /**
   * As `Session.iq`; a request goes on across a resumption. Holds the connection while it waits: where nothing else does, it
   * connects. See `XmppClientOptions.whileOffline` for when there is no session: by default it errors with `not-connected`.
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
  return new LiveClient(new ClientMemory(options));
}

class LiveClient implements XmppClient {
  readonly #memory: ClientMemory;

  constructor(memory: ClientMemory) {
    this.#memory = memory;
  }

  get status$(): Observable<XmppStatus> {
    return this.#memory.status$;
  }

  get trace$(): Observable<TraceEvent> {
    return this.#memory.trace$;
  }

  get undelivered$(): Observable<Undelivered> {
    return this.#memory.undelivered$.asObservable();
  }

  get session$(): Observable<Session> {
    return this.#memory.held$;
  }

  get stanza$(): Observable<XmlElement> {
    return this.#ofSession('stanza$');
  }

  get message$(): Observable<XmlElement> {
    return this.#ofSession('message$');
  }

  get presence$(): Observable<XmlElement> {
    return this.#ofSession('presence$');
  }

  get nonza$(): Observable<XmlElement> {
    return this.#ofSession('nonza$');
  }

  get bytes$(): Observable<ByteCount> {
    const memory = this.#memory;
    return memory.status$.pipe(
      map(() => memory.present),
      distinctUntilChanged(),
      switchMap((session) => session?.bytes$ ?? of(NO_BYTES)),
      map((bytes) => sum(memory.before, bytes)),
    );
  }

  get session(): Session | undefined {
    return this.#memory.present;
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
      const first = !this.#memory.account;
      return this.#holding(() => this.#sender().iq(type, payload, to, options, first));
    });
  }

  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription {
    return this.#memory.handlers.add(type, xmlns, project);
  }

  connect(): Subscription {
    // What ends it is told by `status$`; nobody here could take an error.
    return this.#memory.held$.subscribe({ error: noop });
  }

  close(): Observable<never> {
    return defer(() => {
      const { present, account } = this.#memory;
      if (present) return present.close();
      account?.stop();
      return EMPTY;
    });
  }

  wake(): void {
    this.#memory.present?.wake();
  }

  retryNow(): void {
    this.#memory.asked?.next();
  }

  #ofSession(name: 'stanza$' | 'message$' | 'presence$' | 'nonza$'): Observable<XmlElement> {
    return this.session$.pipe(
      catchError(() => EMPTY),
      switchMap((session) => session[name]),
    );
  }

  /** Without a hold of its own, what waits would die with its caller's last other subscription. */
  #holding<T>(project: () => Observable<T>): Observable<T> {
    return using(() => this.connect(), project);
  }

  /** @throws StanzaError Where nothing is to come that a stanza could wait for. */
  #sender(): Sender {
    const sender = this.#memory.present ?? this.#memory.account;
    if (sender) return sender;
    throw notConnected('offline: subscribe to `session$`, or `connect()`');
  }
}
