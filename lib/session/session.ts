import type { Observable, Subscription } from 'rxjs';
import type { Jid } from '../jid/jid.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Delivery, Undelivered } from './delivery.js';
import type { RequestHandler } from './request-handlers.js';

export interface IqOptions {
  /** Milliseconds to the answer, up to 2^31 - 1, or `Infinity` for no bound; the session's `iqTimeout` by default. */
  readonly timeout?: number;
}

/** Octets over the connection, TLS overhead left out. */
export interface ByteCount {
  readonly received: number;
  readonly sent: number;
}

/** A negotiated stream in use: stanzas in both directions. */
export interface Session {
  /** Our full JID, as the server bound it. */
  readonly jid: Jid;
  /** Whether an earlier session goes on (XEP-0198 section 5). */
  readonly resumed: boolean;
  /** The features that the server advertised last. */
  readonly features: XmlElement;
  /**
   * Every incoming stanza, in order, but for the replies that settle an `iq()`. Hot; completes when the session ends, for
   * whatever reason (the reason is the session observable's error).
   */
  readonly stanza$: Observable<XmlElement>;
  /** Those of `stanza$` that are messages, of whatever type. */
  readonly message$: Observable<XmlElement>;
  /** Those of `stanza$` that are presence, of whatever type. */
  readonly presence$: Observable<XmlElement>;
  /** Elements at the top level of the stream that are no stanzas, and that nothing else takes. */
  readonly nonza$: Observable<XmlElement>;
  /** Octets so far. */
  readonly bytes: ByteCount;
  /** The same, from now on and with each change. */
  readonly bytes$: Observable<ByteCount>;
  /** Octets that were accepted and not yet handed to the operating system: what to hold back by. Starts with the present number. */
  readonly bufferedBytes$: Observable<number>;
  /** What was sent by `send()` and has not, or not surely, arrived. */
  readonly undelivered$: Observable<Undelivered>;
  /** Whether the server acknowledges stanzas (XEP-0198). */
  readonly managed: boolean;
  /**
   * Sends a stanza (or nonza), for those who do not follow what becomes of it: losses are told on `undelivered$`.
   *
   * @throws XmlError For what cannot be written as XML: the stanza fails, the stream goes on.
   * @throws StanzaError `session-lost` once the session has ended or is being closed.
   */
  send(stanza: XmlElement): void;
  /**
   * Sends a stanza for each subscription, and tells how far it came: `queued`, `written`, and `acked` where the server
   * acknowledges; then completes. Unsubscribing does not take it back.
   *
   * ```text
   * deliver(m)   q--w----(a|)      q--w----#        the session was lost
   * ```
   *
   * Errors with `StanzaError`: `delivery-failed` for what was never sent, `delivery-unknown` for what may have arrived, when the session
   * is lost for good; with `XmlError` for what cannot be written as XML.
   */
  deliver(stanza: XmlElement): Observable<Delivery>;
  /**
   * Sends an IQ for each subscription; emits the answer of type `result` (the whole `<iq/>`) and completes.
   *
   * Errors with `StanzaError` for an answer of type `error` or when the session ends first (`session-lost`), with
   * `XmppTimeoutError`, with `XmlError` for what cannot be written as XML, and with `UsageError` for a `timeout` that is none.
   * Unsubscribing forgets the request.
   *
   * @param to The addressee; our own account on the server by default.
   */
  iq(type: 'get' | 'set', payload: XmlElement, to?: Jid | string, options?: IqOptions): Observable<XmlElement>;
  /**
   * Answers incoming IQs with a payload in this namespace, until unsubscribed. Others are answered with
   * `service-unavailable`, pings with a result. Ends with the session.
   */
  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription;
  /**
   * Closes the stream: writes all that was accepted and the footer, awaits the peer's footer for at most the `close`
   * bound, and completes; the session observable completes too. Cold; unsubscribing does not take it back.
   */
  close(): Observable<never>;
}
