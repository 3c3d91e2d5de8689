import {
  BehaviorSubject,
  defer,
  EMPTY,
  filter,
  from,
  map,
  merge,
  NEVER,
  Observable,
  of,
  skip,
  Subject,
  Subscription,
  take,
} from 'rxjs';
import type { XmppStatus } from '../../client/status.js';
import type { XmppClient } from '../../client/xmpp-client.js';
import { StanzaError } from '../../errors/index.js';
import { jid, type Jid } from '../../jid/jid.js';
import type { Delivery, Undelivered } from '../../session/delivery.js';
import { RequestHandlers, type RequestHandler } from '../../session/request-handlers.js';
import type { ByteCount, Session } from '../../session/session.js';
import { stanzaError } from '../../stream/stanza-error-of.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import { serialize, xml, type XmlElement } from '../../xml/index.js';
import type { XmppTestingScript } from './provide-xmpp-testing.js';

const NO_BYTES: ByteCount = { received: 0, sent: 0 };
const OFFLINE: XmppStatus = { kind: 'offline' };

/**
 * A client without connection, told by the test what a real one is told by a server. It keeps what is sent through it.
 *
 * Unscripted it is online while it is held, as `test@example.org/test`. It is one whose options may be followed by others: a status
 * tells of a fatal error, and `session$` goes on until the test ends.
 */
export class XmppTesting implements XmppClient {
  readonly #script: XmppTestingScript;
  readonly #status$ = new BehaviorSubject<XmppStatus>(OFFLINE);
  readonly #session$ = new BehaviorSubject<Session | undefined>(undefined);
  readonly #stanza$ = new Subject<XmlElement>();
  readonly #sent$ = new Subject<XmlElement>();
  readonly #handlers = new RequestHandlers();
  readonly #scripted = new Subscription();
  readonly #sent: XmlElement[] = [];
  #holders = 0;
  #requests = 0;

  constructor(script: XmppTestingScript = {}) {
    this.#script = script;
    this.#scripted.add(script.status$?.subscribe((status) => this.become(status)));
    this.#scripted.add(script.stanza$?.subscribe((stanza) => this.receive(stanza)));
  }

  // For tests.

  /** All that was sent so far: by `send` and `deliver`, and each `iq()` as it would be written. */
  get sent(): readonly XmlElement[] {
    return this.#sent;
  }
  /** What is sent, when it is sent. */
  readonly sent$ = this.#sent$.asObservable();
  /** The same, as text: easy to compare. */
  readonly sentText$ = this.#sent$.pipe(map((stanza) => serialize(stanza)));
  /** How many hold the connection at present. */
  get holders(): number {
    return this.#holders;
  }

  /** Brings the client to this status. `online` begins a session; every other one ends it. */
  become(status: XmppStatus): void {
    const online = status.kind === 'online';
    if (!online) this.#session$.next(undefined);
    else if (!this.#session$.value) this.#session$.next(this.#newSession(status.jid, status.resumed));
    this.#status$.next(status);
  }

  /**
   * Lets this stanza come in: a request goes to its handler (what has none is answered as a client answers it), an answer to its
   * `iq()`.
   */
  receive(stanza: XmlElement): void {
    this.#stanza$.next(stanza);
    const { type } = stanza.attrs;
    if (stanza.name !== 'iq' || (type !== 'get' && type !== 'set')) return;
    this.#scripted.add(this.#handlers.answer(stanza).subscribe((reply) => this.#write(reply)));
  }

  /** Ends the script; Angular calls it. */
  ngOnDestroy(): void {
    this.#scripted.unsubscribe();
    this.#session$.complete();
    this.#status$.complete();
    this.#stanza$.complete();
  }

  // For components.

  readonly status$ = this.#status$.asObservable();
  readonly session$: Observable<Session> = this.#held(this.#session$.pipe(filter((session) => session !== undefined)));
  readonly stanza$ = this.#held(this.#stanza$.pipe(filter(isNoAnswer)));
  readonly message$ = this.stanza$.pipe(filter(({ name }) => name === 'message'));
  readonly presence$ = this.stanza$.pipe(filter(({ name }) => name === 'presence'));
  readonly nonza$: Observable<XmlElement> = this.#held(NEVER);
  readonly trace$: Observable<TraceEvent> = NEVER;
  readonly bytes$ = of(NO_BYTES);
  readonly undelivered$: Observable<Undelivered> = NEVER;

  get session(): Session | undefined {
    return this.#session$.value;
  }

  send(stanza: XmlElement): void {
    if (!this.session)
      throw new StanzaError({ condition: 'not-connected', text: 'the status is not online', type: 'wait' });
    this.#write(stanza);
  }

  deliver(stanza: XmlElement): Observable<Delivery> {
    const states = ['queued', 'written', 'acked'] as const;
    return this.#held(
      defer(() => {
        this.send(stanza);
        return from(states.map((state) => ({ state, stanza })));
      }),
    );
  }

  iq(type: 'get' | 'set', payload: XmlElement, to?: Jid | string): Observable<XmlElement> {
    return this.#held(
      defer(() => {
        const id = `test-${++this.#requests}`;
        const request = xml('iq', { type, id, to: to?.toString() }, payload);
        const { iq } = this.#script;
        const answers$ = iq
          ? defer(() => iq(request))
          : this.#stanza$.pipe(filter(({ name, attrs }) => name === 'iq' && attrs.id === id));
        // A request goes on across a resumption, and no further.
        const lost$ = this.#status$.pipe(skip(1), filter(isLoss), map(lost));
        const answer$ = merge(answers$, lost$).pipe(take(1), map(resultOf));
        return new Observable<XmlElement>((subscriber) => {
          // A script may answer at once; what comes in may come from within the sending.
          if (iq) this.send(request);
          subscriber.add(answer$.subscribe(subscriber));
          if (!iq) this.send(request);
        });
      }),
    );
  }

  handle(type: 'get' | 'set', xmlns: string, project: RequestHandler): Subscription {
    return this.#handlers.add(type, xmlns, project);
  }

  connect(): Subscription {
    return this.#hold();
  }

  close(): Observable<never> {
    return defer(() => {
      this.become(OFFLINE);
      return EMPTY;
    });
  }

  wake(): void {}

  retryNow(): void {}

  #write(stanza: XmlElement): void {
    // What a real client could not write it refuses here too.
    serialize(stanza);
    this.#sent.push(stanza);
    this.#sent$.next(stanza);
  }

  #held<T>(source: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      subscriber.add(this.#hold());
      subscriber.add(source.subscribe(subscriber));
    });
  }

  #hold(): Subscription {
    if (++this.#holders === 1 && !this.#script.status$ && !this.session) {
      this.become({ kind: 'online', attempt: 1, jid: jid('test@example.org/test'), resumed: false });
    }
    return new Subscription(() => {
      if (--this.#holders === 0 && !this.#script.status$) this.become(OFFLINE);
    });
  }

  #newSession(own: Jid, resumed: boolean): Session {
    const ended$ = this.#session$.pipe(filter((current) => current !== session));
    const of$ = (stanza$: Observable<XmlElement>) =>
      new Observable<XmlElement>((subscriber) => {
        subscriber.add(ended$.pipe(take(1)).subscribe(() => subscriber.complete()));
        subscriber.add(stanza$.subscribe(subscriber));
      });
    const stanza$ = of$(this.#stanza$.pipe(filter(isNoAnswer)));
    /** What a session does is over with it, although another one may have followed. */
    const within = <T>(task: () => T): T => (this.session === session ? task() : lost());
    const session: Session = {
      ...{ jid: own, resumed, managed: true, features: xml('features'), bytes: NO_BYTES, bytes$: of(NO_BYTES) },
      ...{ stanza$, nonza$: NEVER, undelivered$: NEVER, bufferedBytes$: of(0) },
      message$: stanza$.pipe(filter(({ name }) => name === 'message')),
      presence$: stanza$.pipe(filter(({ name }) => name === 'presence')),
      send: (stanza) => within(() => this.send(stanza)),
      deliver: (stanza) => defer(() => within(() => this.deliver(stanza))),
      iq: (type, payload, to) => defer(() => within(() => this.iq(type, payload, to))),
      handle: (type, xmlns, project) => {
        const handling = this.handle(type, xmlns, project);
        handling.add(ended$.pipe(take(1)).subscribe(() => handling.unsubscribe()));
        return handling;
      },
      close: () => defer(() => (this.session === session ? this.close() : EMPTY)),
    };
    return session;
  }
}

/** Answers settle an `iq()`, and are told nowhere else. */
function isNoAnswer({ name, attrs }: XmlElement): boolean {
  return name !== 'iq' || (attrs.type !== 'result' && attrs.type !== 'error');
}

/** @throws StanzaError For an answer of type error. */
function resultOf(answer: XmlElement): XmlElement {
  if (answer.attrs.type !== 'error') return answer;
  throw stanzaError(answer);
}

/** Whether nothing of the session before is left. */
function isLoss(status: XmppStatus): boolean {
  return status.kind === 'offline' || (status.kind === 'online' && !status.resumed);
}

function lost(): never {
  throw new StanzaError({ condition: 'session-lost', text: 'the session has ended', type: 'wait' });
}
