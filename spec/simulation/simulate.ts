import { createHash } from 'node:crypto';
import { config as rxjs, Subscription, switchMap } from 'rxjs';
import { backoff } from '../../lib/client/backoff.js';
import { xmppClient } from '../../lib/client/xmpp-client.js';
import { XmppError } from '../../lib/errors/xmpp-error.js';
import { memoryTransport } from '../../lib/testing/memory/memory-transport.js';
import type { LinkFault } from '../../lib/testing/memory/link-fault.js';
import { nodeServerCrypto } from '../../lib/testing/node/node-crypto.js';
import { SeededScheduler, type SeededParty } from '../../lib/testing/seeded-scheduler.js';
import type { FaultPhase } from '../../lib/testing/server/faults.js';
import { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import { xml } from '../../lib/xml/xml.js';
import { syncCrypto } from '../support/sync-crypto.js';
import { chance, type Chance } from './chance.js';
import { Ledger, type Taken } from './ledger.js';
import { TraceAudit } from './trace-audit.js';
import { Violations } from './violations.js';
import { watchedTransport } from './watched-transport.js';

/** How long the network is bad, in virtual milliseconds. */
const STORM = 180_000;
/** How long all may take to recover then: the longest backoff, and an attempt. */
const CALM = 420_000;
const DEADLINE = 60_000;
const IDLE = 20_000;
const PROBE = 5_000;
const PASSWORD = 'a pass word';

// Each stanza that is lost is an error: more frames of each would take a tenth of a run.
Error.stackTraceLimit = 10;

export interface Run {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Everything that happened, in order. The same for the same seed (I12). */
  readonly trace: readonly string[];
  readonly hash: string;
}

/** One whole run: two clients, a server, a network and its faults, all drawn from the seed. */
export function simulate(seed: number): Run {
  const violations = new Violations();
  const trace: string[] = [];
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1) => (counts[name] = (counts[name] ?? 0) + by);
  const plan = chance(seed, 0);
  const time = new SeededScheduler(chance(seed, 1).random);
  const note = (who: string, what: string) => trace.push(`${time.now()} ${who} ${what}`);
  const parties = { server: time.party(), network: time.party(), script: time.party() };

  const managed = plan.bool(0.85);
  const resendLost = managed && plan.bool(0.2);
  const crashes = plan.bool(0.3);
  const serverChance = chance(seed, 2);
  const server = new XmppServer({
    accounts: { alice: PASSWORD, bob: PASSWORD },
    mechanisms: ['SCRAM-SHA-1'],
    offlineMessages: 100_000,
    streamManagement: managed ? { resume: plan.bool(0.9), max: plan.pick([8, 60, 300]) } : false,
    scheduler: parties.server,
    random: serverChance.random,
    crypto: nodeServerCrypto,
  });
  const taken = new Map<string, Taken[]>([
    ['alice', []],
    ['bob', []],
  ]);
  server.received$.subscribe(({ from, stanza }) => {
    if (stanza.name === 'message') taken.get(from.split('@')[0]!)!.push({ id: stanza.attrs.id!, session: from });
  });

  try {
    const clients = ['alice', 'bob'].map((name, index) =>
      startClient({
        seed,
        name,
        index,
        server,
        time,
        network: parties.network,
        managed,
        resendLost,
        violations,
        note,
        count,
      }),
    );
    storm(plan, server, clients, parties.script, crashes, note);
    time.runUntil(STORM);
    note('network', 'calm');
    server.clearFaults();
    server.start();
    for (const client of clients) client.calm();
    // TCP tells a server of a dead link some day. What it hands back then may be what breaks a link that was to break there.
    for (const part of [1, 2, 3, 4]) {
      time.runUntil(STORM + (CALM * part) / 5);
      const living = new Set(clients.map(({ client }) => client.session?.jid.toString()));
      for (const { jid } of server.sessions) if (!living.has(jid)) server.cut(jid);
    }
    time.runUntil(STORM + CALM);
    for (const client of clients) client.audit();
    for (const client of clients) client.close();
    time.runUntil(STORM + CALM + 60_000);
    for (const client of clients) client.finish(taken.get(client.name)!);
    if (managed && !crashes) auditReceipt(taken, clients, violations);
    time.runUntil(STORM + CALM + 120_000);
    for (const client of clients) client.auditSilence();
  } catch (error) {
    violations.list.push(`crash: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const text = trace.join('\n');
  violations.check(!text.includes(PASSWORD), 'I11', () => 'the password is in the trace');
  return { seed, violations: violations.list, counts, trace, hash: createHash('sha256').update(text).digest('hex') };
}

/** What the server took over reached the other, or came back: with stream management in both directions nothing is lost. */
function auditReceipt(
  taken: ReadonlyMap<string, readonly Taken[]>,
  clients: readonly SimulatedClient[],
  violations: Violations,
): void {
  for (const sender of clients) {
    const receiver = clients.find((client) => client !== sender)!;
    for (const { id } of taken.get(sender.name)!) {
      const known = receiver.received.has(id) || sender.returned.has(id);
      violations.check(known, 'I8', () => `${receiver.name} never got ${id}, and it did not come back`);
    }
  }
}

/** What a subscriber of ours throws, to see that it harms nobody (I10). */
const EXPECTED = new Error('thrown by a subscriber');

/** What RxJS reports, after the run that it comes from: nothing but that may throw (I11). */
export const unhandledErrors: unknown[] = [];
rxjs.onUnhandledError = (error) => {
  if (error !== EXPECTED) unhandledErrors.push(error);
};

interface Setting {
  readonly seed: number;
  readonly name: string;
  readonly index: number;
  readonly server: XmppServer;
  readonly time: SeededScheduler;
  readonly network: SeededParty;
  readonly managed: boolean;
  readonly resendLost: boolean;
  readonly violations: Violations;
  readonly note: (who: string, what: string) => void;
  readonly count: (name: string, by?: number) => void;
}

type SimulatedClient = ReturnType<typeof startClient>;

function startClient(setting: Setting) {
  const { seed, name, index, server, time, network, managed, resendLost, violations, note, count } = setting;
  const draw = chance(seed, 10 + index);
  const link = chance(seed, 20 + index);
  const party = time.party();
  const other = name === 'alice' ? 'bob' : 'alice';
  let stormy = true;

  const transport = memoryTransport(server, {
    scheduler: network,
    latency: () => link.int(1, 80),
    faults: () => (stormy && link.bool(0.35) ? [linkFault(link)] : []),
  });
  const whileOffline = draw.bool(0.5) ? ('error' as const) : { queue: 500 };
  const client = xmppClient({
    jid: `${name}@localhost`,
    credentials: { password: PASSWORD },
    transport: watchedTransport(transport, () => lookUp(link, stormy), network, violations),
    scheduler: party,
    random: draw.random,
    crypto: syncCrypto((length) => draw.bytes(length)),
    timeouts: { deadline: DEADLINE },
    keepAlive: { idle: IDLE, timeout: PROBE },
    reconnect: { backoff: backoff({ random: draw.random }) },
    streamManagement: { acknowledgements: { every: draw.int(1, 20), after: draw.int(50, 3000) } },
    whileOffline,
    resendLost,
  });

  const ledger = new Ledger(violations);
  const audit = new TraceAudit(violations, DEADLINE);
  const held = new Subscription();
  let over = false;
  const alive = (what: string) => violations.check(!over, 'I2', () => `${name}: ${what} after the end`);

  client.trace$.subscribe((event) => {
    alive(`trace ${event.type}`);
    audit.see(event);
    const error = event.type === 'failed' || event.type === 'target-failed' ? ` ${event.error.message}` : '';
    note(name, `#${event.attempt} ${event.type}${error}`);
    count(event.type);
  });
  client.status$.subscribe((status) => {
    note(name, `status ${status.kind}`);
    if (status.kind === 'online') {
      violations.check(client.session !== undefined, 'I1', () => `${name} is online without a session`);
    }
  });

  // Receiving: within one session, resumed or not, nothing comes twice or out of order (I8).
  const received = new Set<string>();
  const returned = new Set<string>();
  let latest = new Map<string, number>();
  let viaSessions = 0;
  let viaClient = 0;
  held.add(
    client.session$.subscribe({
      next: (session) => {
        alive('session');
        if (!session.resumed) latest = new Map();
        count(session.resumed ? 'resumed' : 'bound');
        session.send(xml('presence'));
      },
      error: (error: unknown) => violations.check(false, 'I1', () => `${name} gave up: ${String(error)}`),
    }),
  );
  held.add(
    client.session$
      .pipe(switchMap((session) => session.message$))
      .subscribe({ next: () => viaSessions++, error: () => undefined }),
  );
  held.add(
    client.message$.subscribe((message) => {
      alive('message');
      viaClient++;
      if (message.attrs.type === 'error') {
        // What the server could not hand to the other comes back to us, once from each session that it was meant for.
        count('returned');
        returned.add(message.attrs.id!);
        return;
      }
      const number = message.attrs.id!.split(':')[1]!;
      // What comes late from a session that its client has lost may be overtaken by the next one's.
      const sender = message.attrs.from!;
      const before = latest.get(sender) ?? -1;
      // What was kept for us while we were away may be older than what reached us before, and is marked so.
      if (!message.child('delay')) {
        violations.check(
          before < Number(number),
          'I8',
          () => `${name} got ${message.attrs.id} after ${before} of the same session`,
        );
        latest.set(sender, Number(number));
      }
      received.add(message.attrs.id!);
      note(name, `got ${message.attrs.id}`);
      count('received');
      if (draw.bool(0.02)) throw EXPECTED;
    }),
  );

  // Sending.
  let sent = 0;
  const sender = () => {
    const burst = draw.bool(0.1) ? draw.int(5, 40) : 1;
    for (let i = 0; i < burst; i++) {
      const id = `${name}:${sent++}`;
      ledger.follow(
        id,
        client.deliver(xml('message', { to: `${other}@localhost`, type: 'chat', id }, xml('body', {}, 'x'))),
      );
      count('sent');
    }
    if (draw.bool(0.2)) ask();
  };
  let asked = 0;
  let answered = 0;
  const ask = () => {
    asked++;
    let settled = 0;
    const settle = () => violations.check(++settled === 1, 'I8', () => `an IQ settled ${settled} times`);
    held.add(
      client.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), 'localhost', { timeout: 90_000 }).subscribe({
        complete: () => {
          settle();
          answered++;
          count('iq answered');
        },
        error: (error: unknown) => {
          settle();
          answered++;
          count('iq failed');
          violations.check(error instanceof XmppError, 'I11', () => String(error));
        },
      }),
    );
  };
  const script = time.party();
  const next = () => {
    if (!stormy) return;
    sender();
    script.schedule(next, draw.int(10, 6000));
  };
  script.schedule(next, draw.int(0, 2000));

  return {
    name,
    client,
    transport,
    received,
    returned,
    calm() {
      stormy = false;
      transport.heal();
      // A server that heard nothing of a cut still holds the old connection; the client's keep-alive finds ours.
      client.retryNow();
    },
    audit() {
      violations.check(client.session !== undefined, 'I3', () => `${name} is not online in the end`);
      violations.check(answered === asked, 'I8', () => `${name}: ${asked - answered} of ${asked} IQs never settled`);
      violations.check(
        viaClient >= viaSessions,
        'I7',
        () => `${name}: ${viaSessions} stanzas by session, ${viaClient} by client`,
      );
    },
    close() {
      held.add(client.close().subscribe());
    },
    /** @param taken What the server has taken over from this client, in its order. */
    finish(taken: readonly Taken[]) {
      ledger.audit(taken, { resends: resendLost });
      if (managed) count('sent: acked', ledger.count('acked'));
      for (const outcome of ['written', 'failed', 'unknown'] as const) count(`sent: ${outcome}`, ledger.count(outcome));
      held.unsubscribe();
    },
    auditSilence() {
      audit.finish();
      violations.check(party.pending === 0, 'I2', () => `${name}: ${party.pending} timers are left`);
      violations.check(transport.open === 0, 'I2', () => `${name}: ${transport.open} connections are left`);
      over = true;
    },
  };
}

/** Cuts and stalls of one connection, by octet. The handshake takes some 2,000 octets in each direction. */
function linkFault(link: Chance): LinkFault {
  return {
    kind: link.bool(0.6) ? 'cut' : 'stall',
    direction: link.pick(['in', 'out'] as const),
    at: link.int(0, link.bool(0.5) ? 3_000 : 20_000),
    tell: link.pick(['both', 'both', 'client', 'server'] as const),
  };
}

/** Milliseconds that a look-up takes. */
function lookUp(link: Chance, stormy: boolean): number {
  if (!stormy || link.bool(0.7)) return link.int(0, 50);
  return link.bool(0.9) ? link.int(50, 12_000) : Infinity;
}

const PHASES: readonly FaultPhase[] = [
  'connect',
  'tls',
  'header',
  'features',
  'starttls',
  'sasl',
  'bind',
  'enable',
  'resume',
  'online',
  'ack',
  'iq',
  'close',
];

/** What the network and the server do, until it is calm. */
function storm(
  plan: Chance,
  server: XmppServer,
  clients: readonly SimulatedClient[],
  script: SeededParty,
  crashes: boolean,
  note: (who: string, what: string) => void,
): void {
  const at = (due: number, what: string, act: () => void) => {
    script.schedule(() => {
      note('network', what);
      act();
    }, due);
  };
  const within = () => plan.int(1_000, STORM);
  for (const { name, transport, client } of clients) {
    for (let i = plan.int(1, 5); i > 0; i--) {
      const tell = plan.pick(['both', 'client', 'server'] as const);
      at(within(), `cuts ${name}, tells ${tell}`, () => transport.cut({ tell }));
    }
    for (let i = plan.int(0, 2); i > 0; i--) {
      const direction = plan.pick(['in', 'out', 'both'] as const);
      const begin = within();
      at(begin, `stalls ${name} ${direction}`, () => transport.stall(direction));
      at(begin + plan.int(100, 40_000), `heals ${name}`, () => transport.heal());
    }
    for (let i = plan.int(0, 2); i > 0; i--) at(within(), `wakes ${name}`, () => client.wake());
  }
  for (let i = plan.int(0, 4); i > 0; i--) {
    const phase = plan.pick(PHASES);
    const what = plan.pick(['mute', 'cut', 'delay'] as const);
    const ms = plan.int(10, 20_000);
    at(within(), `${what} at ${phase}`, () =>
      server.fault(what === 'delay' ? { at: phase, do: what, ms, times: 1 } : { at: phase, do: what, times: 1 }),
    );
  }
  if (plan.bool(0.3)) {
    at(within(), 'refuses to resume', () =>
      server.fault({ at: 'resume', do: 'refuse', condition: 'item-not-found', times: plan.int(1, 3) }),
    );
  }
  for (let i = plan.int(0, 2); i > 0; i--) {
    const begin = within();
    const crash = crashes && plan.bool(0.5);
    at(begin, crash ? 'crash' : 'shutdown', () => server.stop({ crash }));
    at(begin + plan.int(100, 30_000), 'start', () => server.start());
  }
}
