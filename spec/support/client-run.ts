import { VirtualTimeScheduler, type Observable } from 'rxjs';
import type { XmppClientOptions } from '../../lib/client/client-options.js';
import type { XmppStatus } from '../../lib/client/status.js';
import { xmppClient, type XmppClient } from '../../lib/client/xmpp-client.js';
import type { XmppError } from '../../lib/errors/index.js';
import type { Delivery } from '../../lib/session/delivery.js';
import type { Session } from '../../lib/session/session.js';
import {
  exchange,
  expects,
  perConnection,
  reply,
  scriptedTransport,
  type Script,
  type ScriptedTransport,
  type ScriptedTransportOptions,
} from '../../lib/testing.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import type { Transport } from '../../lib/transport/transport.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { replayCrypto, tag } from './wire-run.js';
import { ACCOUNT, auth, BIND, BOUND, features, hearsBind, bindResult, mechanisms, opens } from './wire.js';

// The server's side of XEP-0198.

export const SM = `<sm xmlns='${NS.sm}'/>`;
export const CSI = `<csi xmlns='${NS.csi}'/>`;
export const R = `<r xmlns='${NS.sm}'/>`;
export const A = (h: number | string) => `<a xmlns='${NS.sm}' h='${h}'/>`;
export const ENABLE = `<enable xmlns='${NS.sm}' resume='true'/>`;
export const ENABLED = `<enabled xmlns='${NS.sm}' id='sm-1' resume='true'/>`;
export const RESUME = (h: number | string, previd = 'sm-1') => `<resume xmlns='${NS.sm}' h='${h}' previd='${previd}'/>`;
export const RESUMED = (h: number | string) => `<resumed xmlns='${NS.sm}' h='${h}' previd='sm-1'/>`;
export const FAILED = (condition = 'item-not-found', h?: number) =>
  `<failed xmlns='${NS.sm}'${h === undefined ? '' : ` h='${h}'`}><${condition} xmlns='${NS.stanzas}'/></failed>`;

/** Direct TLS and EXTERNAL, up to the features after authentication. */
export const authenticates = (...advertised: string[]): Script => [
  opens(features(mechanisms('EXTERNAL')), { secure: true }),
  auth('EXTERNAL', ''),
  opens(features(...advertised), { secure: true }),
];

/** A new session, without stream management. */
export const begins = (...more: Script): Script => [authenticates(BIND), binds(), ...more];
/** A new session with stream management. */
export const manages = (...more: Script): Script => [authenticates(BIND, SM), binds(), enables(), ...more];
/** A new session with stream management of a client that does not come back, and so does not ask for resumption. */
export const managesOnce = (...more: Script): Script => [
  ...[authenticates(BIND, SM), binds(), expects(`<enable xmlns='${NS.sm}'/>`), reply(`<enabled xmlns='${NS.sm}'/>`)],
  ...more,
];
/** A session that goes on. */
export const resumes = (ours: number | string, theirs: number | string, ...more: Script): Script => [
  authenticates(BIND, SM),
  exchange([RESUME(ours), RESUMED(theirs)]),
  ...more,
];
/** A session that cannot go on, and a new one in its place. */
export const refusesToResume = (ours: number | string, failed: string, ...more: Script): Script => [
  authenticates(BIND, SM),
  exchange([RESUME(ours), failed]),
  binds(),
  enables(ENABLED.replace('sm-1', 'sm-2')),
  ...more,
];
export const enables = (answer = ENABLED): Script => [expects(ENABLE), reply(answer)];
const binds = (jid = BOUND): Script => [hearsBind(), reply(bindResult(jid))];

export const hello = (body: string, attrs: Record<string, string> = {}): XmlElement =>
  xml('message', { to: 'bob@example.org', ...attrs }, xml('body', {}, body));
/** What the server hears of it. */
export const hears = (...bodies: string[]): Script =>
  bodies.map((body) => expects(`<message to='bob@example.org'><body>${body}</body></message>`));
/** What the server says to us. */
export const says = (...bodies: string[]): Script =>
  bodies.map((body) => reply(`<message from='bob@example.org/phone'><body>${body}</body></message>`));
export const bodyOf = (stanza: XmlElement) => stanza.child('body')?.text() ?? stanza.name;

/** Nothing of chance, nothing of time: EXTERNAL over direct TLS, no probes, no acknowledgements but those a spec asks for. */
export const CLIENT_OPTIONS = {
  jid: ACCOUNT,
  credentials: { external: true },
  crypto: replayCrypto,
  random: () => 0.5,
  keepAlive: false,
  streamManagement: { acknowledgements: { every: Infinity, after: Infinity } },
  reconnect: { backoff: () => 1_000 },
} satisfies Partial<XmppClientOptions>;

export interface ClientInit {
  readonly options?: Partial<XmppClientOptions>;
  readonly transport?: ScriptedTransportOptions;
  /** In place of the scripts. */
  readonly over?: Transport;
  /** In place of one value of options. */
  readonly options$?: (options: XmppClientOptions) => Observable<XmppClientOptions | null>;
  /** Called with each new session, synchronously. */
  readonly use?: (session: Session, run: ClientRun) => void;
}

/** A client in virtual time, one script for each of its connections, and all that it tells. */
export class ClientRun {
  readonly scheduler = new VirtualTimeScheduler();
  readonly transport: ScriptedTransport;
  readonly options: XmppClientOptions;
  readonly client: XmppClient;
  readonly trace: TraceEvent[] = [];
  readonly statuses: XmppStatus[] = [];
  readonly sessions: Session[] = [];
  /** Bodies of the messages received. */
  readonly received: string[] = [];
  /** Bodies of what is told on `undelivered$`, with the condition. */
  readonly losses: string[] = [];
  /** How `session$` ended. */
  end: string | undefined;
  #holds: { unsubscribe(): void }[] = [];

  constructor(scripts: readonly Script[], init: ClientInit = {}) {
    this.transport = scriptedTransport(perConnection(...scripts), { tls: true, ...init.transport });
    this.options = {
      ...CLIENT_OPTIONS,
      transport: init.over ?? this.transport,
      scheduler: this.scheduler,
      ...init.options,
    };
    this.client = xmppClient(init.options$ ? init.options$(this.options) : this.options);
    this.client.trace$.subscribe((event) => this.trace.push(event));
    this.client.status$.subscribe((status) => this.statuses.push(status));
    this.client.undelivered$.subscribe(({ stanza, error }) =>
      this.losses.push(`${stanza.name === 'message' ? bodyOf(stanza) : stanza.name} ${error.condition}`),
    );
    this.#use = init.use;
  }

  readonly #use: ClientInit['use'];

  /** Holds the connection by `session$` and `stanza$`. */
  connect(): this {
    this.end = undefined;
    this.#holds.push(
      this.client.message$.subscribe((message) => this.received.push(bodyOf(message))),
      this.client.session$.subscribe({
        next: (session) => {
          this.sessions.push(session);
          this.#use?.(session, this);
        },
        error: (error: unknown) => (this.end = tag(error)),
        complete: () => (this.end = 'complete'),
      }),
    );
    return this;
  }

  disconnect(): this {
    for (const hold of this.#holds.splice(0)) hold.unsubscribe();
    return this;
  }

  get session(): Session {
    return this.sessions.at(-1)!;
  }

  get status(): XmppStatus {
    return this.statuses.at(-1)!;
  }

  /** The kinds of all statuses so far. */
  get kinds(): string {
    return this.statuses.map(({ kind }) => kind).join(' ');
  }

  /** The terminal events, in order. */
  get ends(): string {
    return this.trace
      .filter(({ type }) => ['closed', 'failed', 'cancelled'].includes(type))
      .map(({ type, attempt }) => `${attempt} ${type}`)
      .join(', ');
  }

  /** What the last attempt that failed has failed with. */
  get failure(): XmppError | undefined {
    return this.trace.flatMap((event) => (event.type === 'failed' ? event.error : [])).at(-1);
  }

  /** Runs what is due up to this time, or until nothing is left. */
  flush(until = Infinity): this {
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    // A flush ends with the last action: time goes on nevertheless.
    if (until !== Infinity) this.scheduler.frame = until;
    return this;
  }

  /** Follows a delivery: `queued written acked complete`. */
  deliver(stanza: XmlElement): Followed {
    return follow(this.client.deliver(stanza));
  }

  /** Nothing is held, nothing is due. */
  check(): void {
    expect({ open: this.transport.open, timers: this.scheduler.actions.length }).toEqual({ open: 0, timers: 0 });
  }
}

export interface Followed {
  /** What was told, in order: states, then `complete` or the error's condition. */
  readonly told: string[];
  error: unknown;
  unsubscribe(): void;
}

/** Follows a delivery, or a request: its answer counts as `next`. */
export function follow(source$: Observable<Delivery | XmlElement>): Followed {
  const told: string[] = [];
  const followed: Followed = { told, error: undefined, unsubscribe: () => subscription.unsubscribe() };
  const subscription = source$.subscribe({
    next: (value) => told.push('state' in value ? value.state : 'next'),
    error: (error: unknown) => {
      followed.error = error;
      told.push((error as { condition?: string }).condition ?? String(error));
    },
    complete: () => told.push('complete'),
  });
  return followed;
}
