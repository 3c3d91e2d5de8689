import { BehaviorSubject, Observable, Subject, type Subscriber } from 'rxjs';
import { XmppError } from '../errors/xmpp-error.js';
import type { Undelivered } from '../session/delivery.js';
import type { LiveSession } from '../session/live-session.js';
import { RequestHandlers } from '../session/request-handlers.js';
import type { ByteCount, Session } from '../session/session.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import type { Account } from './account.js';
import { statusAfter, type XmppStatus } from './status.js';

const OFFLINE: XmppStatus = { kind: 'offline' };

/** What outlives the accounts of a client: what it shows, and what its accounts have in common and tell. */
export class ClientMemory {
  readonly status$ = new BehaviorSubject(OFFLINE);
  readonly trace$ = new Subject<TraceEvent>();
  readonly session$ = new BehaviorSubject<Session | undefined>(undefined);
  readonly undelivered$ = new Subject<Undelivered>();
  /** Emits when an attempt is asked for, to the account at work. */
  readonly now$ = new Observable<void>((asked) => {
    this.asked = asked;
  });
  asked: Subscriber<void> | undefined;
  readonly handlers = new RequestHandlers();
  /** Octets of the sessions that are over. */
  before: ByteCount = { received: 0, sent: 0 };
  attempts = 0;
  /** The account at work. */
  account: Account | undefined;
  /** What the last options came to grief by. It is the end only where no other options can follow. */
  fatal: unknown;

  /** The present session, if there is one: whoever is told of the end in its midst has none any more. */
  get session(): LiveSession | undefined {
    const session = this.session$.value as LiveSession | undefined;
    return session?.over ? undefined : session;
  }

  online(session: Session): void {
    this.session$.next(session);
    const { jid, resumed } = session;
    // A subscriber may have ended it already, or begun to.
    if (this.session === session && !this.session.closing)
      this.status$.next({ kind: 'online', attempt: this.attempts, jid, resumed });
  }

  traced(event: TraceEvent): void {
    const { type } = event;
    const isEnd = type === 'closed' || type === 'cancelled';
    const session = this.session$.value;
    if (session && (isEnd || type === 'failed')) {
      this.before = sum(this.before, session.bytes);
      this.session$.next(undefined);
    }
    this.trace$.next(event);
    // After a failure comes a wait, or the end: each tells its own status.
    const status = isEnd ? OFFLINE : statusAfter(event);
    if (status) this.status$.next(status);
  }

  /** The client cannot, or must not, come back with these options. */
  failed(error: unknown): void {
    this.fatal = error;
    this.status$.next(error instanceof XmppError ? { kind: 'offline', error } : OFFLINE);
  }

  /** Nothing more comes of an account. Stopped in the midst of a wait, no attempt is there to tell. */
  ended(account: Account): void {
    if (this.account !== account) return;
    this.account = undefined;
    if (this.status$.value.kind !== 'offline') this.status$.next(OFFLINE);
  }
}

export function sum(a: ByteCount, b: ByteCount): ByteCount {
  return { received: a.received + b.received, sent: a.sent + b.sent };
}
