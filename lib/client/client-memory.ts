import {
  BehaviorSubject,
  distinctUntilChanged,
  EMPTY,
  isObservable,
  map,
  Observable,
  of,
  Subject,
  type Subscriber,
} from 'rxjs';
import { XmppError } from '../errors/xmpp-error.js';
import type { Undelivered } from '../session/delivery.js';
import type { LiveSession } from '../session/live-session.js';
import { RequestHandlers } from '../session/request-handlers.js';
import type { ByteCount, Session } from '../session/session.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import { Account } from './account.js';
import type { XmppClientOptions } from './client-options.js';
import { HeldTogether } from './held-together.js';
import { statusAfter, type XmppStatus } from './status.js';
import { whenBusy, type Worker } from './when-busy.js';

const OFFLINE: XmppStatus = { kind: 'offline' };
export const NO_BYTES: ByteCount = { received: 0, sent: 0 };

/** What outlives the accounts of a client: what it shows, and what its accounts have in common and tell. */
export class ClientMemory extends HeldTogether<Session> implements Worker<XmppClientOptions, never> {
  readonly #options: XmppClientOptions | Observable<XmppClientOptions | null>;
  #status = OFFLINE;
  /** The session of the present attempt. */
  #session: LiveSession | undefined;
  // Made when somebody asks: of a thousand clients few are watched in every way.
  #status$: BehaviorSubject<XmppStatus> | undefined;
  #trace$: Subject<TraceEvent> | undefined;
  readonly undelivered$ = new Subject<Undelivered>();
  /** Is told when an attempt is asked for. */
  asked: Subscriber<void> | undefined;
  readonly handlers = new RequestHandlers();
  /** Octets of the sessions that are over. */
  before = NO_BYTES;
  attempts = 0;
  /** The account at work. */
  account: Account | undefined;
  /** What the last options came to grief by. It is the end only where no other options can follow. */
  fatal: unknown;

  constructor(options: XmppClientOptions | Observable<XmppClientOptions | null>) {
    super();
    this.#options = options;
  }

  get status$(): Observable<XmppStatus> {
    // Whoever was told before may have brought about the next one already.
    return (this.#status$ ??= new BehaviorSubject(this.#status)).pipe(
      map(() => this.#status),
      distinctUntilChanged(),
    );
  }

  get trace$(): Observable<TraceEvent> {
    return (this.#trace$ ??= new Subject()).asObservable();
  }

  /** The present session, if there is one: whoever is told of the end in its midst has none any more. */
  get present(): LiveSession | undefined {
    return this.#session?.over ? undefined : this.#session;
  }

  /** Works for each of the options in turn. */
  protected begin(): Observable<never> {
    const options = this.#options;
    return (isObservable(options) ? options : of(options)).pipe(whenBusy(this));
  }

  work(options: XmppClientOptions | null): Observable<never> {
    this.fatal = undefined;
    try {
      if (options) return (this.account = new Account(options, this)).work();
    } catch (error) {
      this.failed(error);
    }
    return EMPTY;
  }

  tells(status: XmppStatus): void {
    this.#status = status;
    this.#status$?.next(status);
  }

  online(session: Session): void {
    this.#session = session as LiveSession;
    this.tell(session);
    const { jid, resumed } = session;
    // A subscriber may have ended it already, or begun to.
    if (this.present === session && !this.present.closing)
      this.tells({ kind: 'online', attempt: this.attempts, jid, resumed });
  }

  traced(event: TraceEvent): void {
    const { type } = event;
    const isEnd = type === 'closed' || type === 'cancelled';
    const session = this.#session;
    if (session && (isEnd || type === 'failed')) {
      this.before = sum(this.before, session.bytes);
      this.#session = undefined;
    }
    this.#trace$?.next(event);
    // After a failure comes a wait, or the end: each tells its own status.
    const status = isEnd ? OFFLINE : statusAfter(event);
    if (status) this.tells(status);
  }

  /** The client cannot, or must not, come back with these options. */
  failed(error: unknown): void {
    this.fatal = error;
    this.tells(error instanceof XmppError ? { kind: 'offline', error } : OFFLINE);
  }

  /** Nothing more comes of an account. Stopped in the midst of a wait, no attempt is there to tell. */
  ended(account: Account): void {
    if (this.account !== account) return;
    this.account = undefined;
    if (this.#status.kind !== 'offline') this.tells(OFFLINE);
  }
}

export function sum(a: ByteCount, b: ByteCount): ByteCount {
  return { received: a.received + b.received, sent: a.sent + b.sent };
}
