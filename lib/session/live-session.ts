import {
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  ignoreElements,
  map,
  noop,
  Subject,
  Subscription,
  of,
  type Observable,
} from 'rxjs';
import type { StanzaError } from '../errors/stanza-error.js';
import { UsageError } from '../errors/usage-error.js';
import { XmlError } from '../errors/xml-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import type { Jid } from '../jid/jid.js';
import type { NegotiatedStream } from '../stream/negotiate.js';
import { Queue } from '../stream/queue.js';
import type { Stage } from '../stream/stage-config.js';
import type { XmlStream } from '../stream/xml-stream.js';
import { isStanza } from '../xml/is-stanza.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Acknowledgements, type AckPolicy } from './acknowledgements.js';
import type { Outgoing, Undelivered } from './delivery.js';
import type { Gates, Interceptors } from './gates.js';
import { errorReply, type RequestHandler } from './request-handlers.js';
import { Sender } from './sender.js';
import type { ByteCount, Session } from './session.js';
import { lost, type SessionMemory } from './session-memory.js';

export interface LiveSessionConfig extends Stage {
  readonly memory: SessionMemory;
  readonly acknowledgements?: Partial<AckPolicy>;
  readonly interceptors?: Interceptors;
}

/** The session on one negotiated stream: takes elements apart by what they are, and sends. */
export class LiveSession extends Sender implements Session {
  readonly jid: Jid;
  readonly resumed: boolean;
  readonly features: XmlElement;
  readonly stream: XmlStream;
  /** Whether a close was asked for. */
  closing = false;
  /** Is told when a close is asked for: the outermost `disconnect`. */
  closer: { closing(): void } | undefined;
  /** Asks whether the link is alive: the outermost `keepAlive`. */
  watch: { probe(): void } | undefined;
  /** What sending fails with once it has ended, for whatever reason. */
  over: StanzaError | undefined;

  readonly #trace: Stage['trace'];
  readonly #acknowledgements: Acknowledgements | undefined;
  // Made when they are needed first: an idle session needs neither.
  #stanza$: Subject<XmlElement> | undefined;
  #nonza$: Subject<XmlElement> | undefined;
  #written: (() => void) | undefined;
  /** What handles requests for this stream alone, and awaits pongs. */
  readonly #handlings = new Subscription();
  /**
   * What the connection was given and has not yet handed to the operating system: where nobody acknowledges it, it settles when it
   * is written, or here at the end. A connection tells of its writes in their order, so one function serves them all, and a stanza
   * on its way costs a place in an array.
   */
  readonly #unwritten = new Queue<Outgoing>();
  readonly #gates: Gates | undefined;

  constructor({ stream, jid, resumed }: NegotiatedStream, config: LiveSessionConfig) {
    const { memory, acknowledgements, interceptors, scheduler, trace } = config;
    super(memory);
    this.jid = jid;
    this.resumed = resumed;
    this.features = stream.features;
    this.stream = stream;
    this.#trace = trace;
    this.#gates = interceptors?.(this);
    if (memory.managed) this.#acknowledgements = new Acknowledgements(stream, memory, scheduler, acknowledgements);
  }

  // Made when somebody asks: of a thousand sessions few are watched in every way.

  get stanza$(): Observable<XmlElement> {
    return this.over ? EMPTY : (this.#stanza$ ??= new Subject()).asObservable();
  }

  get message$(): Observable<XmlElement> {
    return this.stanza$.pipe(filter(({ name }) => name === 'message'));
  }

  get presence$(): Observable<XmlElement> {
    return this.stanza$.pipe(filter(({ name }) => name === 'presence'));
  }

  get nonza$(): Observable<XmlElement> {
    return this.over ? EMPTY : (this.#nonza$ ??= new Subject()).asObservable();
  }

  get bytes$(): Observable<ByteCount> {
    return this.#withTraffic(() => this.bytes);
  }

  get bufferedBytes$(): Observable<number> {
    return this.#withTraffic(() => this.stream.connection.bufferedBytes).pipe(distinctUntilChanged());
  }

  /** What it is now, and whenever octets come or go. */
  #withTraffic<T>(look: () => T): Observable<T> {
    return defer(() => concat(of(undefined), this.stream.traffic$)).pipe(map(look));
  }

  get undelivered$(): Observable<Undelivered> {
    return this.memory.undelivered$.asObservable();
  }

  get managed(): boolean {
    return this.#acknowledgements !== undefined;
  }

  get bytes(): ByteCount {
    const { bytesReceived, bytesSent } = this.stream.connection;
    return { received: bytesReceived, sent: bytesSent };
  }

  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription {
    const handling = this.memory.handlers.add(type, xmlns, project);
    // A client's handlers outlive its sessions; a session's do not.
    this.#handlings.add(handling);
    return handling;
  }

  close(): Observable<never> {
    return defer(() => {
      if (!this.closing && !this.over) {
        this.closing = true;
        this.#trace({ type: 'closing' });
        // What the server has not told yet it tells before its footer, and we do the same (XEP-0198 section 4).
        if (this.memory.unacknowledged.size > 0) this.#acknowledgements?.ask();
        if (this.memory.handled > 0) this.#acknowledgements?.answer();
        this.#acknowledgements?.dispose();
        this.stream.close();
        this.closer?.closing();
      }
      // It completes when the session ends.
      return this.nonza$.pipe(ignoreElements());
    });
  }

  transmit(outgoing: Outgoing): void {
    if (this.over || this.closing) throw this.over ?? lost('being closed');
    if (this.#gates && isStanza(outgoing.stanza) && !outgoing.intercepted) this.#gates.outbound(outgoing);
    else this.#write(outgoing);
  }

  #write(outgoing: Outgoing): void {
    const { stanza, handedOver } = outgoing;
    const acknowledgements = isStanza(stanza) ? this.#acknowledgements : undefined;
    // Before it is written: whoever is told of the traffic may send something too, which then comes behind it.
    outgoing.handedOver = true;
    outgoing.counted = acknowledgements !== undefined;
    if (acknowledgements) this.memory.sent(outgoing);
    try {
      this.#hand(outgoing);
    } catch (error) {
      outgoing.handedOver = handedOver;
      if (acknowledgements) this.memory.unsent();
      this.#unwritten.pop();
      throw error;
    }
    outgoing.queued();
    acknowledgements?.sent();
  }

  #hand(outgoing: Outgoing): void {
    this.#unwritten.push(outgoing);
    this.stream.send(
      outgoing.stanza,
      (this.#written ??= () => {
        const written = this.#unwritten.shift();
        written?.written(!written.counted);
        this.stream.wrote();
      }),
    );
  }

  /**
   * Sends what comes before anything new: of a resumed session what the server did not acknowledge (XEP-0198 section 5), then
   * what waited for a session.
   */
  begin(): void {
    this.memory.live = this;
    if (this.resumed) {
      const unacknowledged = this.memory.unacknowledged.list();
      for (const outgoing of unacknowledged) {
        outgoing.counted = true;
        this.#hand(outgoing);
      }
      if (unacknowledged.length > 0) this.#acknowledgements?.ask();
    }
    for (const answer of this.memory.late.splice(0)) answer();
    // Again, since whoever is told what becomes of one may send another.
    for (let some; !this.over && (some = this.memory.waiting.splice(0)).length > 0;) {
      for (const outgoing of some) {
        try {
          if (!outgoing.settled) this.transmit(outgoing);
        } catch (error) {
          // The others can be sent all the same.
          outgoing.lost(error as XmppError);
        }
      }
    }
  }

  /** Takes what the stream emits. */
  receive(element: XmlElement): void {
    if (element.xmlns === NS.client && isStanza(element)) {
      this.memory.received();
      if (this.#gates) this.#gates.inbound(element);
      else this.take(element);
    } else if (!this.#acknowledgements?.receive(element)) {
      this.#nonza$?.next(element);
    }
  }

  /** Takes a stanza that has passed the gates. */
  take(stanza: XmlElement): void {
    // An IQ of no type that there is needs no answer, and is not to be hidden either.
    const type = stanza.name === 'iq' && stanza.attrs.type;
    if ((type === 'result' || type === 'error') && this.memory.iqs.settle(stanza, this.jid)) return;
    this.#stanza$?.next(stanza);
    if (type === 'get' || type === 'set') {
      this.memory.answer(stanza, (reply) => this.#reply(stanza, reply));
    }
  }

  wake(): void {
    this.watch?.probe();
  }

  /** Asks whether the peer is still there, in the cheapest way that makes it answer. */
  probe(): void {
    if (this.closing || this.over) return;
    if (this.#acknowledgements) return this.#acknowledgements.ask();
    // Awaited, so that the pong is not shown to those who read stanzas.
    this.#handlings.add(
      this.memory.iqs
        .request('get', xml('ping', { xmlns: NS.ping }), undefined, Infinity, (iq) => void this.stream.send(iq))
        .subscribe({ error: noop }),
    );
  }

  /**
   * Ends the session on this stream.
   *
   * @param reason Why, if it was not asked for.
   * @param again Whether there may be another stream.
   */
  end(reason: XmppError | undefined, again = false): void {
    if (this.over) return;
    const over = lost(reason ? 'lost' : 'closed', reason);
    this.over = over;
    this.#handlings.unsubscribe();
    this.#acknowledgements?.dispose();
    this.#gates?.close(over);
    for (const outgoing of this.#unwritten.list()) {
      if (!outgoing.counted) outgoing.lost(over);
    }
    this.memory.lose(over, again);
    this.#stanza$?.complete();
    this.#nonza$?.complete();
  }

  /** By the session as it is by now: it may have been resumed meanwhile, or may yet be. */
  #reply(iq: XmlElement, reply: XmlElement): void {
    const live = this.memory.live!;
    if (live.over) this.memory.late.push(() => this.#reply(iq, reply));
    // A session that is being closed owes no answer any more.
    if (live.over || live.closing) return;
    try {
      live.send(reply);
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
      // A handler's result that cannot be written: the request is to be answered all the same.
      live.send(errorReply(iq, error));
    }
  }
}

/** The live session behind a session that `session()` made. */
export function liveSession(session: Session): LiveSession {
  if (session instanceof LiveSession) return session;
  throw new UsageError('foreign-session', 'not made by `session()`');
}
