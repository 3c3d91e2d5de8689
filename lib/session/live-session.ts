import {
  concat,
  defer,
  distinctUntilChanged,
  filter,
  ignoreElements,
  map,
  noop,
  Observable,
  of,
  ReplaySubject,
  Subject,
  Subscription,
} from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmlError } from '../errors/xml-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import type { Jid } from '../jid/jid.js';
import type { NegotiatedStream } from '../stream/negotiate.js';
import type { Stage } from '../stream/stage-config.js';
import type { XmlStream } from '../stream/xml-stream.js';
import { NS } from '../xml/namespaces.js';
import { serialize } from '../xml/serialize.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Acknowledgements, type AckPolicy } from './acknowledgements.js';
import type { Gates, Interceptors } from './gates.js';
import { Outgoing, type Delivery, type Undelivered } from './delivery.js';
import { errorReply, type RequestHandler } from './request-handlers.js';
import type { ByteCount, IqOptions, Session } from './session.js';
import { lost, type SessionMemory } from './session-memory.js';
import { WriteQueue } from './write-queue.js';

export interface LiveSessionConfig extends Stage {
  readonly memory: SessionMemory;
  readonly iqTimeout: number;
  readonly acknowledgements: AckPolicy;
  readonly interceptors?: Interceptors;
}

/** The session on one negotiated stream: takes elements apart by what they are, and sends. */
export class LiveSession implements Session {
  readonly jid: Jid;
  readonly resumed: boolean;
  readonly features: XmlElement;
  readonly stream: XmlStream;

  readonly #memory: SessionMemory;
  readonly #config: LiveSessionConfig;
  readonly #acknowledgements: Acknowledgements | undefined;
  readonly #stanza$ = new Subject<XmlElement>();
  readonly #nonza$ = new Subject<XmlElement>();
  readonly #closing$ = new ReplaySubject<void>(1);
  readonly #ended$ = new ReplaySubject<never>(0);
  readonly #answers = new Subscription();
  /** What nobody acknowledges settles when it is written, or here at the end. */
  readonly #unwritten = new WriteQueue();
  /** What the interceptors have not let through yet. */
  readonly #held = new Set<Outgoing>();
  readonly #gates: Gates | undefined;
  #closing = false;
  #over: StanzaError | undefined;

  constructor({ stream, jid, resumed }: NegotiatedStream, config: LiveSessionConfig) {
    this.jid = jid;
    this.resumed = resumed;
    this.features = stream.features;
    this.stream = stream;
    this.#memory = config.memory;
    this.#config = config;
    this.#gates = config.interceptors?.();
    if (this.#memory.managed) {
      this.#acknowledgements = new Acknowledgements(stream, this.#memory, config.scheduler, config.acknowledgements);
    }
  }

  // Made when somebody asks: of a thousand sessions few are watched in every way.

  get stanza$(): Observable<XmlElement> {
    return this.#stanza$.asObservable();
  }

  get message$(): Observable<XmlElement> {
    return this.#stanza$.pipe(filter(({ name }) => name === 'message'));
  }

  get presence$(): Observable<XmlElement> {
    return this.#stanza$.pipe(filter(({ name }) => name === 'presence'));
  }

  get nonza$(): Observable<XmlElement> {
    return this.#nonza$.asObservable();
  }

  get bytes$(): Observable<ByteCount> {
    return this.#withTraffic(() => this.bytes);
  }

  get bufferedBytes$(): Observable<number> {
    return this.#withTraffic(() => this.stream.connection.bufferedBytes).pipe(distinctUntilChanged());
  }

  /** Emits once when a close was asked for. */
  get closing$(): Observable<void> {
    return this.#closing$.asObservable();
  }

  /** What it is now, and whenever octets come or go. */
  #withTraffic<T>(look: () => T): Observable<T> {
    return defer(() => concat(of(undefined), this.stream.traffic$)).pipe(map(look));
  }

  get undelivered$(): Observable<Undelivered> {
    return this.#memory.undelivered$.asObservable();
  }

  get managed(): boolean {
    return this.#acknowledgements !== undefined;
  }

  /** Whether a close was asked for. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Whether it has ended, for whatever reason. */
  get over(): boolean {
    return this.#over !== undefined;
  }

  get bytes(): ByteCount {
    const { bytesReceived, bytesSent } = this.stream.connection;
    return { received: bytesReceived, sent: bytesSent };
  }

  send(stanza: XmlElement): void {
    this.transmit(this.#memory.outgoing(stanza));
  }

  deliver(stanza: XmlElement): Observable<Delivery> {
    return new Observable((subscriber) => {
      try {
        this.transmit(this.#memory.outgoing(stanza, subscriber));
      } catch (error) {
        subscriber.error(error);
      }
    });
  }

  iq(type: 'get' | 'set', payload: XmlElement, to?: Jid | string, options: IqOptions = {}): Observable<XmlElement> {
    const due = options.timeout ?? this.#config.iqTimeout;
    return this.#memory.iqs.request(type, payload, to?.toString(), due, (iq) =>
      this.transmit(this.#memory.outgoingRequest(iq)),
    );
  }

  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription {
    const handling = this.#memory.handlers.add(type, xmlns, project);
    // A client's handlers outlive its sessions; a session's do not.
    this.#answers.add(handling);
    return handling;
  }

  close(): Observable<never> {
    return defer(() => {
      if (!this.#closing && !this.#over) {
        this.#closing = true;
        this.#config.trace({ type: 'closing' });
        // What the server has not told yet it tells before its footer, and we do the same (XEP-0198 section 4).
        if (!this.#memory.allAcknowledged) this.#acknowledgements?.ask();
        if (this.#memory.handled > 0) this.#acknowledgements?.answer();
        this.#acknowledgements?.dispose();
        this.stream.close();
        this.#closing$.next();
      }
      return this.#ended$.pipe(ignoreElements());
    });
  }

  /**
   * Sends, in order.
   *
   * @throws XmlError, StanzaError As `send` does.
   */
  transmit(outgoing: Outgoing): void {
    if (this.#over) throw this.#over;
    if (this.#closing) throw lost('the session is being closed');
    if (this.#gates && isStanza(outgoing.stanza) && !outgoing.intercepted) this.#intercept(outgoing, this.#gates);
    else this.#write(outgoing);
  }

  /** Sends what the interceptors make of it. */
  #intercept(outgoing: Outgoing, gates: Gates): void {
    const { stanza } = outgoing;
    // What cannot be written fails now, and not behind the back of its sender.
    serialize(stanza);
    outgoing.intercepted = true;
    outgoing.queued();
    this.#held.add(outgoing);
    let through = false;
    const drop = (settle: () => void, error: StanzaError) => {
      if (through || !this.#held.delete(outgoing)) return;
      settle();
      this.#memory.iqs.reject(stanza, error);
    };
    gates.outbound.push(stanza, {
      next: (result) => {
        const itself = !through && result.name === stanza.name && result.attrs.id === stanza.attrs.id;
        const out = itself ? outgoing : this.#memory.outgoing(result);
        out.intercepted = true;
        if (itself) {
          through = true;
          outgoing.stanza = result;
          this.#held.delete(outgoing);
        }
        try {
          if (this.#closing) throw lost('the session is being closed');
          this.#write(out);
        } catch (error) {
          out.lost(error as XmppError);
          this.#memory.iqs.reject(result, error as XmppError);
        }
      },
      error: (cause) => {
        const error = new StanzaError({ condition: 'interceptor-failed', cause });
        drop(() => outgoing.lost(error), error);
      },
      complete: () => {
        const error = new StanzaError({ condition: 'filtered', text: 'an interceptor dropped it' });
        drop(() => outgoing.filtered(), error);
      },
    });
  }

  #write(outgoing: Outgoing): void {
    const { stanza, handedOver } = outgoing;
    const acknowledgements = isStanza(stanza) ? this.#acknowledgements : undefined;
    // Before it is written: whoever is told of the traffic may send something too, which then comes behind it.
    outgoing.handedOver = true;
    outgoing.counted = acknowledgements !== undefined;
    if (acknowledgements) this.#memory.sent(outgoing);
    this.#unwritten.push(outgoing);
    try {
      this.stream.send(stanza, this.#written);
    } catch (error) {
      outgoing.handedOver = handedOver;
      if (acknowledgements) this.#memory.unsent();
      this.#unwritten.pop();
      throw error;
    }
    outgoing.queued();
    acknowledgements?.sent();
  }

  readonly #written = (): void => {
    this.#unwritten.written();
    this.stream.wrote();
  };

  /**
   * Sends what comes before anything new: of a resumed session what the server did not acknowledge (XEP-0198 section 5), then
   * what waited for a session.
   */
  begin(): void {
    if (this.resumed) {
      const { unacknowledged } = this.#memory;
      for (const outgoing of unacknowledged) {
        outgoing.counted = true;
        this.#unwritten.push(outgoing);
        this.stream.send(outgoing.stanza, this.#written);
      }
      if (unacknowledged.length > 0) this.#acknowledgements?.ask();
    }
    for (const outgoing of this.#memory.takeWaiting()) {
      try {
        this.transmit(outgoing);
      } catch (error) {
        // The others can be sent all the same.
        outgoing.lost(error as XmppError);
      }
    }
  }

  /** Takes what the stream emits. */
  receive(element: XmlElement): void {
    if (element.xmlns !== NS.client) {
      if (!this.#acknowledgements?.receive(element)) this.#nonza$.next(element);
      return;
    }
    switch (element.name) {
      case 'message':
      case 'presence':
      case 'iq':
        this.#memory.received();
        if (!this.#gates) return this.#take(element);
        this.#gates.inbound.push(element, {
          next: (stanza) => this.#take(stanza),
          // Thrown at a subscriber's, so that it is told as RxJS tells it, and harms no session.
          error: (error) => this.#answers.add(of(error).subscribe((told) => raise(told))),
          complete: noop,
        });
        return;
      default:
        this.#nonza$.next(element);
    }
  }

  #take(stanza: XmlElement): void {
    if (stanza.name === 'iq') this.#receiveIq(stanza);
    else this.#stanza$.next(stanza);
  }

  /** Asks whether the peer is still there, in the cheapest way that makes it answer. */
  probe(): void {
    if (this.#closing || this.#over) return;
    if (this.#acknowledgements) this.#acknowledgements.ask();
    else this.stream.send(xml('iq', { type: 'get', id: this.#memory.iqs.nextId() }, xml('ping', { xmlns: NS.ping })));
  }

  /**
   * Ends the session on this stream.
   *
   * @param reason Why, if it was not asked for.
   * @param again Whether there may be another stream.
   */
  end(reason: XmppError | undefined, again = false): void {
    if (this.#over) return;
    this.#over = lost(reason ? 'the session was lost' : 'the session was closed', reason);
    this.#answers.unsubscribe();
    this.#acknowledgements?.dispose();
    this.#gates?.close();
    for (const outgoing of this.#unwritten.list()) {
      if (!outgoing.counted) outgoing.lost(this.#over);
    }
    for (const outgoing of this.#held) {
      outgoing.lost(this.#over);
      // A request that was never sent cannot be answered on another stream.
      this.#memory.iqs.reject(outgoing.stanza, this.#over);
    }
    this.#held.clear();
    if (again) this.#memory.suspend(this.#over);
    else this.#memory.lose(this.#over);
    this.#stanza$.complete();
    this.#nonza$.complete();
    this.#ended$.complete();
  }

  #receiveIq(iq: XmlElement): void {
    switch (iq.attrs.type) {
      case 'result':
      case 'error':
        if (!this.#memory.iqs.settle(iq, this.jid)) this.#stanza$.next(iq);
        return;
      case 'get':
      case 'set':
        this.#stanza$.next(iq);
        this.#answer(iq);
        return;
      default:
        // Of no type that there is: nothing to answer, and nothing to hide either.
        this.#stanza$.next(iq);
    }
  }

  #answer(iq: XmlElement): void {
    const answering = new Subscription();
    this.#answers.add(answering);
    answering.add(
      this.#memory.handlers.answer(iq).subscribe({
        next: (reply) => {
          // A session that is being closed owes no answer any more.
          if (!this.#closing && !this.#over) this.#reply(iq, reply);
        },
        complete: () => this.#answers.remove(answering),
      }),
    );
    if (answering.closed) this.#answers.remove(answering);
  }

  #reply(iq: XmlElement, reply: XmlElement): void {
    try {
      this.send(reply);
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
      // A handler's result that cannot be written: the request is to be answered all the same.
      this.send(errorReply(iq, error));
    }
  }
}

/** What is counted by stream management, and delivered (RFC 6120 section 8). */
function isStanza({ name, xmlns }: XmlElement): boolean {
  return (name === 'message' || name === 'presence' || name === 'iq') && (xmlns === '' || xmlns === NS.client);
}

function raise(error: unknown): never {
  throw error;
}

/** The live session behind a session that `session()` made. */
export function liveSession(session: Session): LiveSession {
  if (session instanceof LiveSession) return session;
  throw new UsageError('foreign-session', 'this operator works on the sessions that `session()` makes');
}
