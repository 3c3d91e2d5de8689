import { Observable, of, type OperatorFunction, type Subscriber } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import type { NegotiatedStream } from '../stream/negotiate.js';
import { raise } from '../stream/raise.js';
import { Scope } from '../stream/scope.js';
import { scopeMapWith } from '../stream/scope-map.js';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { closedByPeer } from '../stream/xml-stream.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { AckPolicy } from './acknowledgements.js';
import type { Interceptors } from './gates.js';
import { LiveSession } from './live-session.js';
import { secureRandom } from './secure-random.js';
import type { Session } from './session.js';
import { SessionMemory } from './session-memory.js';

export interface SessionConfig extends StageConfig {
  /** Milliseconds to the answer of an `iq()`; 30,000 by default. */
  readonly iqTimeout?: number;
  /** As `Math.random`, for the ids of requests; the platform's secure generator by default. */
  readonly random?: () => number;
  /** When acknowledgements are asked for; after 16 stanzas or 1,000 ms by default (XEP-0198 section 4). */
  readonly acknowledgements?: Partial<AckPolicy>;
  /** What stanzas go through: `intercept()`; nothing by default. */
  readonly interceptors?: Interceptors;
  /** What the session lives in; its own by default. */
  readonly memory?: SessionMemory;
  /** Whether the memory outlives a loss, for another stream to resume the session; whoever says so settles it in the end. */
  readonly resumable?: boolean;
}

/**
 * Makes a session of a negotiated stream. The session is emitted before any stanza of it is, so `switchMap(s => s.stanza$)`
 * misses nothing.
 *
 * ```text
 * negotiated   --n------------------
 * in                a b     c   </stream:stream>
 * session()    --s----------------#        stream-closed, as nobody asked for it
 * s.stanza$         a b     c     |
 *
 * negotiated   --n------------------
 * close()               ^
 * in                a b     c   </stream:stream>
 * session()    --s----------------|
 * ```
 *
 * Errors with what ended the stream: `StreamError` or `TransportError`.
 */
export function session(config: SessionConfig = {}): OperatorFunction<NegotiatedStream, Session> {
  return scopeMapWith(config, sessionOn);
}

function sessionOn(negotiated: NegotiatedStream, config: SessionConfig): Observable<Session> {
  return new Observable((subscriber) => {
    const stage = stageOf(config);
    const { random = secureRandom, resumable = false } = config;
    const { memory = new SessionMemory(stage.scheduler, random, config) } = config;
    const live = new LiveSession(negotiated, { ...config, ...stage, memory });
    const online = new Online(subscriber, live, resumable);
    stage.trace({ type: 'online', jid: live.jid.toString(), resumed: live.resumed });
    live.begin();
    subscriber.next(live);
    online.hold(live.stream.element$);
  });
}

/** A session, and what its stream says. */
class Online extends Scope<Session> {
  readonly #live: LiveSession;
  readonly #resumable: boolean;

  constructor(subscriber: Subscriber<Session>, live: LiveSession, resumable: boolean) {
    super(subscriber);
    this.#live = live;
    this.#resumable = resumable;
  }

  override entered(element: XmlElement): void {
    try {
      this.#live.receive(element);
    } catch (error) {
      this.subscriber.add(of(error).subscribe(raise));
    }
  }

  override completed(): void {
    const live = this.#live;
    live.stream.close();
    this.#over(live.closing ? undefined : closedByPeer());
  }

  override failed(error: XmppError): void {
    this.#over(error);
  }

  override unsubscribe(): void {
    this.#live.end(undefined);
    super.unsubscribe();
  }

  #over(error: XmppError | undefined): void {
    const live = this.#live;
    // The connection may go with the peer's last byte: once we are closing, we wanted no more of it.
    if (!error || (live.closing && !(error instanceof StreamError))) return super.completed();
    XmppError.inPhase(error, live.closing ? 'close' : 'online');
    // What we ended by a stream error and a footer of ours the server has ended too.
    if (error instanceof StreamError && error.origin === 'local' && error.condition !== 'stream-closed')
      live.memory.forget();
    live.end(error, this.#resumable && !live.closing);
    super.failed(error);
  }
}
