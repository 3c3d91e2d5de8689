import { Observable, Subject } from 'rxjs';
import { jid, Jid } from '../../jid/index.js';
import type { XmlElement } from '../../xml/index.js';
import { Accounts } from './accounts.js';
import { Faults, type ServerFault } from './faults.js';
import type { XmppServerOptions } from './options.js';
import { Router } from './router.js';
import { ServerLog, type ServerLogEntry } from './server-log.js';
import type { ServerHost } from './server-host.js';
import type { ServerPipe } from './server-pipe.js';
import { ServerSession } from './server-session.js';
import { ServerStream, type PipeTls, type StreamFailure } from './server-stream.js';
import { settingsOf, type ServerSettings } from './settings.js';
import { randomId } from './text.js';

/** How many sessions the server remembers after their end, to say what it had handled. */
const MAX_EXPIRED = 1000;

/** A stanza as the server has received it, `from` stamped. */
export interface ReceivedStanza {
  /** The full JID of the session. */
  readonly from: string;
  readonly stanza: XmlElement;
}

/** What is known of a session. */
export interface SessionInfo {
  readonly jid: string;
  /** `false` while it waits to be resumed. */
  readonly connected: boolean;
  readonly available: boolean;
  readonly priority: number;
  /** With XEP-0198: what the server has handled, and what the client has not acknowledged. */
  readonly management:
    | { readonly id: string; readonly resumable: boolean; readonly handled: number; readonly unacked: number }
    | undefined;
}

/**
 * A small XMPP server of one domain, in memory, for tests and first steps: STARTTLS, SASL, bind, stream management with
 * resumption, routing, presence, an account that echoes, and faults on request. It is no server for the Internet: it keeps
 * nothing, federates with nobody, and trusts its users.
 *
 * It knows no sockets and no clock: it accepts pipes of bytes, and goes by the scheduler. Written from RFC 6120, RFC 6121, RFC 5802
 * and XEP-0198 by themselves, it shares no protocol code with the client, so that the two can test each other.
 *
 * ```ts
 * const server = new XmppServer({ domain: 'example.org', accounts: { alice: 'wonder', bob: 'build' } });
 * const client = xmppStream({ jid: 'alice@example.org', ..., transport: memoryTransport(server) });
 * server.fault({ at: 'bind', do: 'mute', times: 1 });
 * ```
 */
export class XmppServer {
  /** Every stanza that a session sends, when the server handles it. */
  readonly received$: Observable<ReceivedStanza>;
  readonly #settings: ServerSettings;
  readonly #accounts: Accounts;
  readonly #faults: Faults;
  readonly #log = new ServerLog();
  readonly #router: Router;
  readonly #received = new Subject<ReceivedStanza>();
  readonly #streams = new Set<ServerStream>();
  readonly #expired = new Map<string, { readonly account: string; readonly handled: number }>();
  readonly #host: ServerHost;
  #count = 0;
  #running = true;

  constructor(options: XmppServerOptions = {}) {
    this.#settings = settingsOf(options);
    this.#accounts = new Accounts(this.#settings, options.accounts);
    this.#faults = new Faults(options.faults);
    this.#router = new Router(this.#settings, this.#accounts, (session) => this.#onEnded(session));
    this.received$ = this.#received.asObservable();
    this.#host = {
      settings: this.#settings,
      accounts: this.#accounts,
      faults: this.#faults,
      log: this.#log,
      bind: (stream, resource) => this.#bind(stream, resource),
      resumable: (account, id) => this.#resumable(account, id),
      expired: (account, id, h) => this.#takeExpired(account, id, h),
      received: (session, stanza) => {
        this.#received.next({ from: session.jid, stanza });
        this.#router.receive(session, stanza);
      },
      left: (account) => {
        if (!this.#router.sessions.some((session) => session.account === account)) this.#accounts.vacate(account);
      },
      released: (stream) => this.#streams.delete(stream),
    };
  }

  get domain(): string {
    return this.#settings.domain;
  }

  /** Connections that are open, bound or not. */
  get connections(): number {
    return this.#streams.size;
  }

  /** How many connections there have been. */
  get accepted(): number {
    return this.#count;
  }

  get sessions(): readonly SessionInfo[] {
    return this.#router.sessions.map(({ jid, connected, presence, priority, management }) => ({
      jid,
      connected,
      available: presence !== undefined,
      priority,
      management: management && {
        id: management.id,
        resumable: management.resumable,
        handled: management.handled,
        unacked: management.unacked.length,
      },
    }));
  }

  /** What happened, newest last. The last 2000 entries at least are kept. */
  get log(): readonly ServerLogEntry[] {
    return this.#log.entries;
  }

  /** Takes a connection. */
  accept(pipe: ServerPipe, { tls }: { tls?: PipeTls } = {}): void {
    if (!this.#running) return pipe.destroy();
    const stream = new ServerStream(
      this.#host,
      pipe,
      ++this.#count,
      tls ?? (pipe.startTls ? 'starttls-available' : 'none'),
    );
    this.#streams.add(stream);
    stream.start();
  }

  /** Adds an account, or gives it a new password. */
  setAccount(name: string, password: string): void {
    this.#accounts.set(name, password);
  }

  removeAccount(name: string): void {
    this.#accounts.remove(name);
  }

  /** Adds a fault; it strikes after those that are there. Returns what takes it away again. */
  fault(fault: ServerFault): () => void {
    return this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** Sends a stanza as it is to the sessions of a JID: all of a bare one's. Returns how many these are. */
  send(to: string, stanza: XmlElement): number {
    const sessions = this.#sessionsOf(to);
    for (const session of sessions) session.send(stanza);
    return sessions.length;
  }

  /** Writes text as it is, past stream management: nonzas, or things that no server would say. */
  write(to: string, text: string): number {
    return this.#each(to, (stream) => stream.write(text));
  }

  /** Drops the connections of a JID, or of all; the sessions are lost, and may be resumed. */
  cut(to?: string): number {
    return this.#each(to, (stream) => stream.cut());
  }

  /** From here on says and heeds nothing, and stays connected: the half-open peer. */
  mute(to?: string): number {
    return this.#each(to, (stream) => stream.mute());
  }

  /** Ends streams with an error, by default `reset`. The sessions are over, unless kept for resumption. */
  disconnect(to: string | undefined, condition = 'reset', failure: StreamFailure = {}): number {
    return this.#each(to, (stream) => stream.fail(condition, failure));
  }

  /** Closes streams with a footer, and nothing else. */
  close(to?: string): number {
    return this.#each(to, (stream) => stream.close());
  }

  /**
   * Takes no more connections. Streams end with `system-shutdown`, and their sessions with them; `crash` drops connections
   * and sessions, without a word and without handing anything back. Accounts and messages kept for later stay.
   */
  stop({ crash = false } = {}): void {
    this.#running = false;
    if (crash) {
      this.#router.crash();
      this.#expired.clear();
      this.cut();
    } else {
      this.disconnect(undefined, 'system-shutdown');
      for (const session of this.#router.sessions) session.end();
    }
  }

  /** Takes connections again. */
  start(): void {
    this.#running = true;
  }

  #bind(stream: ServerStream, wanted: string | undefined): ServerSession | { condition: string } {
    const account = stream.account!;
    let resource: string;
    try {
      resource = Jid.of(account, this.domain, wanted ?? randomId(this.#settings.random, 6)).resource!;
    } catch {
      return { condition: 'bad-request' };
    }
    const other = this.#router.find(account, resource);
    if (other?.connected && this.#settings.onConflict === 'refuse') return { condition: 'conflict' };
    if (other?.connected && this.#settings.onConflict === 'rename')
      resource += `-${randomId(this.#settings.random, 4)}`;
    else if (other?.connected) other.stream?.fail('conflict', { text: 'replaced by a new session' });
    else other?.end();
    const session = new ServerSession(this.#router, stream, account, resource);
    this.#router.add(session);
    return session;
  }

  #resumable(account: string, id: string): ServerSession | undefined {
    return this.#router.sessions.find(
      (session) => session.account === account && session.management?.resumable && session.management.id === id,
    );
  }

  #takeExpired(account: string, id: string, h: string | undefined): number | undefined {
    const expired = this.#expired.get(id);
    if (expired?.account !== account) return undefined;
    this.#router.seen(account, id, h);
    return expired.handled;
  }

  #onEnded({ account, management }: ServerSession): void {
    if (!management?.resumable) return;
    if (this.#expired.size >= MAX_EXPIRED) this.#expired.delete(this.#expired.keys().next().value!);
    this.#expired.set(management.id, { account, handled: management.handled });
  }

  #sessionsOf(to: string): ServerSession[] {
    const address = jid(to);
    return this.#router.sessions.filter(
      (session) =>
        address.domain === this.domain &&
        session.account === address.local &&
        (address.resource === undefined || session.resource === address.resource),
    );
  }

  /** Of a JID the streams with a session; of none all streams. */
  #each(to: string | undefined, act: (stream: ServerStream) => void): number {
    const streams =
      to === undefined ? [...this.#streams] : this.#sessionsOf(to).flatMap(({ stream }) => (stream ? [stream] : []));
    for (const stream of streams) act(stream);
    return streams.length;
  }
}
