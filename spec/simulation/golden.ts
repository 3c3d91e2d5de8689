import { map, Subscription, type Observable } from 'rxjs';
import { backoff } from '../../lib/client/backoff.js';
import type { XmppClientOptions } from '../../lib/client/client-options.js';
import { xmppClient, type XmppClient } from '../../lib/client/xmpp-client.js';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import { XmppError } from '../../lib/errors/xmpp-error.js';
import type { Session } from '../../lib/session/session.js';
import { memoryTransport, type MemoryTransport } from '../../lib/testing/memory/memory-transport.js';
import type { LinkFault } from '../../lib/testing/memory/link-fault.js';
import { nodeServerCrypto } from '../../lib/testing/node/node-crypto.js';
import { SeededScheduler, type SeededParty } from '../../lib/testing/seeded-scheduler.js';
import { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import type { Connection, Transport } from '../../lib/transport/transport.js';
import { xml } from '../../lib/xml/xml.js';
import { syncCrypto } from '../support/sync-crypto.js';
import { chance } from './chance.js';
import { LATENCY, PASSWORD, type Scenario, type Stage } from './golden-scenarios.js';
import { Ledger, type Taken } from './ledger.js';
import { TraceAudit } from './trace-audit.js';
import { Violations } from './violations.js';
import { watchedTransport } from './watched-transport.js';

const IDLE = 10_000;
const PROBE = 5_000;
const DEADLINE = 30_000;
/** Seconds that the server keeps a session to be resumed. */
const KEPT = 30;
/** Until a loss is found (by the keep-alive, or by the bound of a phase), and until the attempts after it begin. */
const RECOVERY = IDLE + PROBE + 3_000;

export type Via = 'client' | 'stream';

/** Where the network breaks: connections are counted from 1. */
export interface Strike extends LinkFault {
  readonly connection: number;
}

export interface GoldenRun {
  readonly violations: readonly string[];
  /** What happened, in order; the wire too where that was asked for. */
  readonly trace: readonly string[];
  /** The types of lifecycle events with what matters of them. */
  readonly events: readonly string[];
  /** When the last thing happened that somebody waited for, in virtual milliseconds. */
  readonly settledAt: number;
  /** Octets of each connection up to the scenario's length; only where the wire was asked for. */
  readonly octets: readonly { readonly in: number; readonly out: number }[];
}

const credentials = { password: PASSWORD };

/** Plays a scenario once. */
export function playGolden(
  scenario: Scenario,
  via: Via = 'client',
  strike?: Strike,
  { wire = false }: { readonly wire?: boolean } = {},
): GoldenRun {
  const violations = new Violations();
  try {
    return new Run(scenario, via, strike, wire, violations).play();
  } catch (error) {
    violations.list.push(`crash: ${error instanceof Error ? error.stack : String(error)}`);
    return { violations: violations.list, trace: [], events: [], settledAt: 0, octets: [] };
  }
}

class Run implements Stage {
  readonly server: XmppServer;
  readonly transport: MemoryTransport;
  readonly #scenario: Scenario;
  readonly #via: Via;
  readonly #violations: Violations;
  readonly #time = new SeededScheduler(chance(1, 1).random);
  readonly #party: SeededParty;
  readonly #script: SeededParty;
  readonly #wire: boolean;
  readonly #trace: string[] = [];
  readonly #events: string[] = [];
  readonly #ledger: Ledger;
  readonly #audit: TraceAudit;
  readonly #held = new Subscription();
  readonly #taken: Taken[] = [];
  readonly #received = new Set<string>();
  readonly #connections: Connection[] = [];
  readonly #options: XmppClientOptions;
  #client: XmppClient | undefined;
  #session: Session | undefined;
  #sessions = 0;
  #acts: ((session: Session, number: number) => void)[] = [];
  #said = 0;
  #asked = 0;
  #answered = 0;
  #settledAt = 0;
  #latest = -1;
  #end: 'complete' | 'error' | undefined;
  #over = false;

  constructor(scenario: Scenario, via: Via, strike: Strike | undefined, wire: boolean, violations: Violations) {
    this.#scenario = scenario;
    this.#via = via;
    this.#wire = wire;
    this.#violations = violations;
    this.#ledger = new Ledger(violations);
    this.#audit = new TraceAudit(violations, DEADLINE);
    this.#party = this.#time.party();
    this.#script = this.#time.party();
    const draw = chance(1, 2);
    const network = this.#time.party();
    this.server = new XmppServer({
      accounts: { alice: PASSWORD },
      mechanisms: ['SCRAM-SHA-1'],
      offlineMessages: 1_000,
      presence: 'nobody',
      streamManagement: { max: KEPT },
      ...scenario.server,
      scheduler: this.#time.party(),
      random: chance(1, 3).random,
      crypto: nodeServerCrypto,
    });
    this.server.received$.subscribe(({ from, stanza }) => {
      if (stanza.name === 'message') this.#taken.push({ id: stanza.attrs.id!, session: from });
    });
    this.transport = memoryTransport(this.server, {
      latency: LATENCY,
      scheduler: network,
      faults: (number) => (number === strike?.connection ? [strike] : []),
      ...scenario.link,
    });
    let dialled = 0;
    const lookUp = () => scenario.lookUp?.(++dialled) ?? 0;
    const watched = watchedTransport(this.transport, lookUp, network, violations);
    this.#options = {
      jid: 'alice@localhost',
      credentials,
      transport: wire ? this.#tapped(watched) : watched,
      scheduler: this.#party,
      random: draw.random,
      crypto: syncCrypto((length) => draw.bytes(length)),
      timeouts: { deadline: DEADLINE },
      keepAlive: { idle: IDLE, timeout: PROBE },
      reconnect: { backoff: backoff({ random: draw.random }) },
      streamManagement: { acknowledgements: { every: 3, after: 100 } },
      whileOffline: { queue: 100 },
      iqTimeout: IDLE,
      ...scenario.options,
    };
  }

  play(): GoldenRun {
    const { length = 3_000, echoes, closes } = this.#scenario;
    const limit = 2 * length + RECOVERY;
    this.#begin();
    this.#time.runUntil(length);
    const octets = this.#connections.map(({ bytesReceived, bytesSent }) => ({ in: bytesReceived, out: bytesSent }));
    this.#time.runUntil(limit);
    const { violations } = this;
    violations.check(this.#settled, 'I8', () => `not everything has settled after ${limit} ms`);
    if (this.#via === 'client') {
      if (closes) violations.check(this.#end === 'complete', 'I3', () => `not closed after ${limit} ms`);
      else this.#checkAlive(limit);
    } else if (this.#end === undefined) {
      // The attempt is what was asked for, or it is over.
      if (closes) violations.check(false, 'I3', () => `not closed after ${limit} ms`);
      else this.#checkAlive(limit);
    }
    if (echoes && this.#via === 'client') this.#checkEchoes();
    this.#held.unsubscribe();
    violations.check(this.#party.pending === 0, 'I2', () => `${this.#party.pending} timers are left`);
    violations.check(this.transport.open === 0, 'I2', () => `${this.transport.open} connections are left`);
    this.#audit.finish();
    this.#ledger.audit(this.#taken, { resends: false });
    this.#over = true;
    this.#time.runUntil(this.#time.now() + DEADLINE);
    violations.check(this.#party.pending === 0, 'I2', () => `${this.#party.pending} timers came after the end`);
    return {
      violations: violations.list,
      trace: this.#trace,
      events: this.#events,
      settledAt: this.#settledAt,
      octets,
    };
  }

  // What scenarios direct.

  onSession(act: (session: Session, number: number) => void): void {
    this.#acts.push(act);
  }

  after(ms: number, act: () => void): void {
    this.#script.schedule(act, ms);
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) {
      const id = `alice:${this.#said++}`;
      const message = xml('message', { to: 'echo@localhost', type: 'chat', id }, xml('body', {}, id));
      if (this.#sender) this.#ledger.follow(id, this.#noticed(this.#sender.deliver(message)));
    }
  }

  ask(count: number): void {
    for (let i = 0; i < count; i++) this.#ask();
  }

  close(): void {
    if (this.#sender) this.#held.add(this.#sender.close().subscribe());
  }

  // How it is played.

  private get violations(): Violations {
    return this.#violations;
  }

  /** Whoever sends: a client always, a stream while there is a session. */
  get #sender(): XmppClient | Session | undefined {
    return this.#client ?? this.#session;
  }

  get #settled(): boolean {
    const outcomes = [...this.#ledger.entries.values()];
    return outcomes.every(({ outcome }) => outcome !== undefined) && this.#answered === this.#asked;
  }

  #begin(): void {
    this.#scenario.script?.(this);
    if (this.#via === 'client') {
      const client = xmppClient(this.#options);
      this.#client = client;
      // Held to the end: what the client tells of letting go is part of it.
      client.trace$.subscribe((event) => this.#onTrace(event));
      this.#held.add(client.message$.subscribe((message) => this.#onMessage(message)));
      this.#connect(client.session$);
    } else {
      this.#connect(xmppStream({ ...this.#options, trace: (event) => this.#onTrace(event) }));
    }
  }

  #connect(session$: Observable<Session>): void {
    const end = (how: 'complete' | 'error') => {
      this.#alive(how);
      this.violations.check(this.#end === undefined, 'I1', () => `it ended twice: ${this.#end}, ${how}`);
      this.#end = how;
      this.#settle();
    };
    this.#held.add(
      session$.subscribe({
        next: (session) => this.#onSession(session),
        error: (error: unknown) => {
          this.violations.check(this.#via === 'stream', 'I1', () => `the client gave up: ${String(error)}`);
          this.violations.check(error instanceof XmppError, 'I11', () => String(error));
          end('error');
        },
        complete: () => end('complete'),
      }),
    );
  }

  #onSession(session: Session): void {
    this.#alive('session');
    this.#settle();
    if (!session.resumed) {
      this.#latest = -1;
      session.send(xml('presence'));
    }
    this.#session = session;
    this.#sessions++;
    if (this.#via === 'stream') {
      this.violations.check(this.#sessions === 1, 'I1', () => 'a stream with two sessions');
      session.message$.subscribe((message) => this.#onMessage(message));
    }
    for (const act of this.#acts) act(session, this.#sessions);
  }

  #onTrace(event: TraceEvent): void {
    this.#alive(`trace ${event.type}`);
    this.#audit.see(event);
    const mechanism = event.type === 'authenticating' ? ` ${event.mechanism}` : '';
    const resumed = event.type === 'online' && event.resumed ? ' resumed' : '';
    this.#events.push(event.type + mechanism + resumed);
    if (event.type === 'failed') {
      this.violations.check(!event.error.message.includes(PASSWORD), 'I11', () => 'an error tells the password');
    }
    if (this.#wire) {
      const error = event.type === 'failed' ? ` ${event.error.message}` : '';
      this.#note(`-- #${event.attempt} ${event.type}${mechanism}${resumed}${error}`);
    }
  }

  #onMessage(message: ReturnType<typeof xml>): void {
    this.#alive('message');
    const id = message.child('body')!.text();
    const number = Number(id.split(':')[1]);
    // What comes back from a session that was lost may be older, may have come before, and is marked so.
    if (!message.child('delay')) {
      this.violations.check(this.#latest < number, 'I8', () => `got ${id} after ${this.#latest}`);
      this.#latest = number;
    }
    this.#received.add(id);
  }

  #ask(timeout = IDLE): { answered: boolean } {
    const answer = { answered: false };
    if (!this.#sender) return answer;
    this.#asked++;
    let settled = 0;
    const settle = () => {
      this.#settle();
      this.#answered++;
      this.violations.check(++settled === 1, 'I8', () => `an IQ settled ${settled} times`);
    };
    const ping = xml('ping', { xmlns: 'urn:xmpp:ping' });
    this.#held.add(
      this.#sender.iq('get', ping, 'localhost', { timeout }).subscribe({
        complete: () => {
          answer.answered = true;
          settle();
        },
        error: (error: unknown) => {
          settle();
          this.violations.check(error instanceof XmppError, 'I11', () => String(error));
        },
      }),
    );
    return answer;
  }

  /** Online is what is answered, not what says so. */
  #checkAlive(limit: number): void {
    const before = this.#settledAt;
    const ping = this.#ask(1_000);
    this.#time.runUntil(limit + 1_000);
    this.violations.check(ping.answered, 'I3', () => `not usable after ${limit} ms`);
    this.#settledAt = before;
  }

  /** What the server took over comes back, by whichever session. */
  #checkEchoes(): void {
    // TCP tells a server of a dead link some day.
    const living = this.#client?.session?.jid.toString();
    for (const { jid } of this.server.sessions) if (jid !== living) this.server.cut(jid);
    const missing = () => this.#taken.filter(({ id }) => !this.#received.has(id));
    if (missing().length > 0) this.#time.runUntil(this.#time.now() + KEPT * 1_000 + 1_000);
    for (const { id } of missing())
      this.violations.check(false, 'I8', () => `${id} was taken over and never came back`);
  }

  #noticed<T>(source: Observable<T>): Observable<T> {
    return source.pipe(
      map((value) => {
        this.#settle();
        return value;
      }),
    );
  }

  #settle(): void {
    this.#settledAt = this.#time.now();
  }

  #alive(what: string): void {
    this.violations.check(!this.#over, 'I2', () => `${what} after the end`);
  }

  #note(what: string): void {
    this.#trace.push(`${this.#time.now()} ${what}`);
  }

  /** Keeps what goes over the wire, and how much. */
  #tapped(inner: Transport): Transport {
    const tap = (connection: Connection, number: number): Connection => {
      this.#connections[number - 1] = connection;
      return new Proxy(connection, {
        get: (target, key) => {
          if (key === 'write')
            return (text: string, written?: () => void) => {
              this.#note(`C${number}: ${text}`);
              target.write(text, written);
            };
          if (key === 'input$')
            return target.input$.pipe(
              map((chunk) => {
                this.#note(`S${number}: ${typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)}`);
                return chunk;
              }),
            );
          if (key === 'startTls' && target.startTls)
            return () => target.startTls!().pipe(map((secured) => tap(secured, number)));
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      });
    };
    let number = 0;
    return {
      name: inner.name,
      connect: (context) => {
        const mine = ++number;
        return inner.connect(context).pipe(map((connection) => tap(connection, mine)));
      },
    };
  }
}

/** A scenario as it goes without faults: how much there is to break. */
export interface Reference {
  readonly scenario: Scenario;
  readonly via: Via;
  readonly run: GoldenRun;
  readonly in: number;
  readonly out: number;
}

/** By a client, and where that is possible by `xmppStream`. */
export function referencesOf(scenario: Scenario): Reference[] {
  return (scenario.alone ? (['client', 'stream'] as const) : (['client'] as const)).map((via) => {
    const run = playGolden(scenario, via, undefined, { wire: true });
    const sum = (direction: 'in' | 'out') => run.octets.reduce((total, octets) => total + octets[direction], 0);
    return { scenario, via, run, in: sum('in'), out: sum('out') };
  });
}

const TELL = ['both', 'client', 'server'] as const;

/**
 * Where a scenario is broken: cut and stalled after every `stride`-th octet of every connection in both directions. Who
 * learns of a cut takes turns, or is each of them in turn at every octet (`thorough`).
 */
export function* strikes({ run }: Reference, stride = 1, thorough = false): Generator<Strike> {
  let turn = 0;
  for (const [index, octets] of run.octets.entries())
    for (const direction of ['in', 'out'] as const)
      for (let at = 0; at <= octets[direction]; at += stride) {
        const where = { connection: index + 1, direction, at };
        turn++;
        for (const tell of thorough ? TELL : [TELL[turn % TELL.length]!]) yield { ...where, kind: 'cut', tell };
        yield { ...where, kind: 'stall' };
      }
}
