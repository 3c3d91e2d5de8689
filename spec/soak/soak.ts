import {
  asyncScheduler,
  auditTime,
  filter,
  firstValueFrom,
  map,
  mergeMap,
  of,
  startWith,
  Subject,
  Subscription,
  timeout,
} from 'rxjs';
import { backoff, xml, xmppClient, type Session, type XmppClient } from '../../lib/index.js';
import { tcp } from '../../lib/node.js';
import { realServers, type RealServer } from '../servers/index.js';
import { chance, type Chance } from '../simulation/chance.js';
import { resetProxy, type ResetProxy } from './reset-proxy.js';
import { auditOrder } from './audit-order.js';
import { Tally, type Counts } from './tally.js';
import { WireLog } from './wire-log.js';

export interface SoakConfig {
  /** The half of them send, the others receive. */
  readonly sessions: number;
  /** Of each session's connection. */
  readonly resets: number;
  /** In total. */
  readonly messages: number;
  readonly seed: number;
  /** Messages of the burst in whose midst the server is killed. */
  readonly burst: number;
  /** Milliseconds between two messages of a sender, on average. */
  readonly pace?: number;
  readonly progress?: (text: string) => void;
}

export interface SoakReport {
  readonly server: string;
  /** Of the phase in which connections are reset, and of that in which the server is killed. */
  readonly resets: Counts;
  readonly kill: Counts;
  /** Connections that were reset after so many octets, and by hand for want of traffic. */
  readonly resetByOctet: number;
  readonly resetByHand: number;
  readonly attempts: number;
  readonly bound: number;
  readonly resumed: number;
  readonly boundAfterKill: number;
  /** How long after its restart everybody was back, in milliseconds. */
  readonly recovered: number;
  /** Messages that the new server had acknowledged, and had in its archive alone. */
  readonly archived: number;
  /** What attempts and sessions failed with, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  readonly seconds: number;
}

/** Octets that it takes to be online again, at most and about. */
const HANDSHAKE = 6_000;
/** Milliseconds in which something must have moved on; a busy machine is no failure. */
const PATIENCE = 120_000;
/** Milliseconds after which what has not arrived is looked for in the archive. */
const LATE = 10_000;

/** What the servers are to leave out: archiving is slow, and not what is looked at. */
const CONFIG = {
  prosody: `modules_enabled = { "posix", "roster", "saslauth", "tls", "disco", "ping", "smacks", "offline", "spec" }`,
  ejabberd: '',
};

/**
 * Whether a server hands messages over out of order when their receiver resumes its session. ejabberd 23.01 does, now and then:
 * to resume, the process of the new connection copies the state of the old one's, and becomes the one that is routed to;
 * what came to the old process meanwhile is routed once more only when that is stopped, behind what the new process was given
 * directly (`c2s_handle_call`, `inherit_session_state` and `bounce_message_queue` of its mod_stream_mgmt). No client can see or
 * mend that. So each leg is looked at by itself: what the sender wrote, what the receiver was sent, what it told its application.
 */
const REORDERS = { prosody: false, ejabberd: true };

/**
 * Whether a server can drop what it acknowledged for a user whose presence is on its way, and has it in the archive alone.
 * ejabberd 23.01 does, now and then: `mod_offline_mnesia` stores a message by a write that heeds no lock, while what is stored
 * for the user is read and then deleted in a transaction: what is written between the two is deleted unread. No client can
 * see that; a user gets it from the archive (XEP-0313), as here.
 */
const ARCHIVE_ALONE = { prosody: false, ejabberd: true };
/** The phase in which the server is killed. */
const KILL = '2';
const MAM = 'urn:xmpp:mam:2';

/**
 * Many sessions on a real server, over a network that resets their connections again and again in the midst of the traffic;
 * then the server dies. Every message is counted by its id.
 */
export async function soak(name: RealServer['name'], config: SoakConfig): Promise<SoakReport> {
  const half = Math.max(1, Math.floor(config.sessions / 2));
  const names = Array.from({ length: 2 * half }, (_, index) => (index < half ? `s${index}` : `r${index - half}`));
  const users = Object.fromEntries(names.map((user) => [user, `pass ${user}`]));
  const server = await realServers[name]({ users, config: CONFIG[name] });
  const proxies: ResetProxy[] = [];
  try {
    for (const [index] of names.entries()) {
      const draw = chance(config.seed, 100 + index);
      const { host, ports } = server;
      const budget = budgetOf(draw, config, half);
      proxies.push(await resetProxy({ host, port: ports.c2s, resets: config.resets, budget }));
    }
    return await new Soak(name, config, server, names, proxies).run();
  } finally {
    for (const proxy of proxies) await proxy.close();
    await server.stop();
  }
}

/** Some are reset while they come back, most later: so that all resets are used up by three quarters of the traffic. */
function budgetOf(draw: Chance, { messages, resets }: SoakConfig, half: number): (fresh: boolean) => number {
  const traffic = (messages / half) * 350;
  const share = Math.max(200, Math.floor(traffic / Math.max(1, resets)));
  return (fresh) => {
    if (fresh && draw.bool(0.2)) return draw.int(0, HANDSHAKE);
    return (fresh ? HANDSHAKE : 0) + draw.int(1, share);
  };
}

interface Party {
  readonly index: number;
  readonly user: string;
  readonly client: XmppClient;
  readonly proxy: ResetProxy;
  readonly wire: WireLog;
  /** Ids of what came, in order. */
  readonly told: string[];
  /** Sends whether there is a session or not, once the server dies; before that all wait for one. */
  readonly queues: boolean;
}

class Soak {
  readonly #held = new Subscription();
  readonly #changed$ = new Subject<void>();
  readonly #violations: string[] = [];
  readonly #parties: Party[];
  readonly #senders: Party[];
  readonly #count = { attempts: 0, bound: 0, resumed: 0 };
  readonly #failures: Record<string, number> = {};
  /** Receivers whose presence the server has seen, by the session that it was sent in. */
  readonly #present = new Map<Party, Session>();
  readonly #script: Chance;
  readonly #tallies: Tally[] = [];
  /** Who each message is for, by its id. */
  readonly #receivers = new Map<string, Party>();

  constructor(
    private readonly name: RealServer['name'],
    private readonly config: SoakConfig,
    private readonly server: RealServer,
    names: readonly string[],
    proxies: readonly ResetProxy[],
  ) {
    this.#script = chance(config.seed, 1);
    this.#parties = names.map((user, index) => this.#party(user, index, proxies[index]!));
    this.#senders = this.#parties.slice(0, names.length / 2);
  }

  async run(): Promise<SoakReport> {
    const begun = Date.now();
    try {
      await this.#until('everybody is online', () => this.#allPresent);
      const resets = await this.#resetPhase();
      const { counts: kill, boundBefore, recovered, archived } = await this.#killPhase();
      await this.#close();
      const sum = (how: 'byOctet' | 'byHand') => this.#parties.reduce((all, { proxy }) => all + proxy.resets[how], 0);
      return {
        server: this.name,
        resets,
        kill,
        resetByOctet: sum('byOctet'),
        resetByHand: sum('byHand'),
        attempts: this.#count.attempts,
        bound: boundBefore,
        resumed: this.#count.resumed,
        boundAfterKill: this.#count.bound - boundBefore,
        recovered,
        archived,
        failures: this.#failures,
        violations: this.#violations,
        seconds: (Date.now() - begun) / 1000,
      };
    } finally {
      this.#held.unsubscribe();
    }
  }

  /** Connections break; nothing is lost or doubled, or reordered by a client. */
  async #resetPhase(): Promise<Counts> {
    const { messages, resets } = this.config;
    const tally = this.#begin('1');
    for (const { proxy } of this.#parties) proxy.arm();
    await this.#speak(
      tally,
      messages,
      this.config.pace ?? 300,
      (party) => party.queues || party.client.session !== undefined,
    );
    await this.#until('every message has settled', () => tally.settled);
    // What was spared for want of traffic.
    const spared = () => this.#parties.filter(({ proxy }) => proxy.left > 0);
    while (spared().length > 0 && this.#violations.length === 0) {
      await this.#until('everybody is back', () => this.#allPresent);
      const former = new Map(spared().map(({ client, proxy }) => [client, { proxy, session: client.session }]));
      for (const { proxy } of former.values()) proxy.reset();
      const others = () => [...former].every(([client, { session }]) => client.session !== session);
      await this.#until('everybody has noticed', others);
    }
    await this.#until('everybody is back', () => this.#allPresent);
    await this.#until('every message has arrived', () => tally.arrived);
    const counts = tally.audit();
    const check = (holds: boolean, what: string) => holds || this.#violations.push(what);
    check(counts.sent === messages && counts.acked === messages, `${counts.acked} of ${counts.sent} were acknowledged`);
    check(counts.received === messages, `${counts.received} of ${counts.sent} were received`);
    check(counts.returned === 0, `${counts.returned} came back`);
    const { violations, byServer } = auditOrder(tally.name, this.#parties);
    this.#violations.push(...violations);
    check(
      counts.reordered === byServer.length,
      `${counts.reordered} came out of order, ${byServer.length} on the wire`,
    );
    if (!REORDERS[this.name]) this.#violations.push(...byServer);
    check(this.#count.bound === this.#parties.length, `${this.#count.bound - this.#parties.length} sessions were lost`);
    const done = this.#parties.reduce((all, { proxy }) => all + proxy.resets.byOctet + proxy.resets.byHand, 0);
    check(done === resets * this.#parties.length, `${done} connections were reset`);
    this.#violations.push(...tally.violations);
    return counts;
  }

  /** The server dies in the midst of a burst: all come back, and of every message it is known what became of it. */
  async #killPhase(): Promise<{
    counts: Counts;
    boundBefore: number;
    recovered: number;
    archived: number;
  }> {
    const tally = this.#begin(KILL);
    const boundBefore = this.#count.bound;
    const burst = this.config.burst;
    const speaking = this.#speak(tally, burst, 150, () => true);
    await this.#until('half of the burst is sent', () => tally.size >= burst / 2);
    await this.server.kill9();
    await this.#until('everybody has noticed', () => this.#parties.every(({ client }) => client.session === undefined));
    await this.server.restart();
    const restarted = Date.now();
    await speaking;
    await this.#until('everybody is back', () => this.#allPresent);
    const recovered = Date.now() - restarted;
    await this.#until('every message has settled', () => tally.settled);
    // The last words of all: by them it is known that the way is free again, and that what came before has arrived.
    const last = this.#begin('3');
    await this.#speak(last, this.#senders.length * 2, 100, () => true);
    await this.#until('every message after it has arrived', () => last.arrived);
    last.audit();
    this.#violations.push(...last.violations);
    const archived = ARCHIVE_ALONE[this.name] ? await this.#fetchMissing(tally, restarted) : 0;
    await this.#until('all that the new server acknowledged has arrived', () => tally.missing(restarted).length === 0);
    // What was acknowledged by the one that died it may have taken with it.
    const counts = tally.audit(restarted);
    this.#violations.push(...tally.violations);
    return { counts, boundBefore, recovered, archived };
  }

  /** Has those for whom a message is overdue read their archive. */
  async #fetchMissing(tally: Tally, since: number): Promise<number> {
    if (await this.#comesTrue(() => tally.missing(since).length === 0, LATE)) return 0;
    const missing = new Set(tally.missing(since));
    const field = (name: string, value: string, type?: string) =>
      xml('field', { var: name, type }, xml('value', {}, value));
    const start = field('start', new Date(since).toISOString());
    const form = xml('x', { xmlns: 'jabber:x:data', type: 'submit' }, field('FORM_TYPE', MAM, 'hidden'), start);
    for (const receiver of new Set([...missing].map((id) => this.#receivers.get(id)!))) {
      const results$ = receiver.client.message$.pipe(
        mergeMap(({ children }) => children),
        mergeMap((child) =>
          typeof child !== 'string' && child.is('result', MAM)
            ? (child.child('forwarded', 'urn:xmpp:forward:0')?.childrenOf('message') ?? [])
            : [],
        ),
        filter(({ attrs }) => missing.has(attrs.id ?? '')),
      );
      this.#held.add(results$.subscribe((stanza) => tally.receive(receiver.user, stanza)));
      const query$ = receiver.client.iq('set', xml('query', { xmlns: MAM }, form));
      this.#held.add(query$.subscribe({ error: (error: unknown) => this.#violations.push(String(error)) }));
    }
    return missing.size;
  }

  async #close(): Promise<void> {
    let open = this.#parties.length;
    for (const { client } of this.#parties) {
      const closed = () => {
        open--;
        this.#changed$.next();
      };
      this.#held.add(client.session$.subscribe({ complete: closed, error: closed }));
      this.#held.add(client.close().subscribe({ error: (error: unknown) => this.#violations.push(String(error)) }));
    }
    await this.#until('everybody has closed', () => open === 0);
  }

  #begin(name: string): Tally {
    const tally = new Tally(name);
    this.#tallies.push(tally);
    this.#held.add(tally.changed$.subscribe(this.#changed$));
    return tally;
  }

  /** Has the senders send so many messages in all, one or some at a time. */
  async #speak(tally: Tally, messages: number, pace: number, ready: (party: Party) => boolean): Promise<void> {
    const all = this.#senders.length;
    let left = messages;
    for (const party of this.#senders) {
      const draw = chance(this.config.seed, 1000 * (Number(tally.name) + 1) + party.index);
      let mine = Math.floor(messages / all) + (party.index < messages % all ? 1 : 0);
      const turn = () => {
        const some = ready(party) ? Math.min(mine, draw.bool(0.2) ? draw.int(2, 8) : 1) : 0;
        for (let i = 0; i < some; i++) this.#say(party, tally);
        mine -= some;
        left -= some;
        if (mine > 0) this.#held.add(asyncScheduler.schedule(turn, draw.int(0, 2 * pace * Math.max(1, some))));
        else this.#changed$.next();
      };
      this.#held.add(asyncScheduler.schedule(turn, draw.int(0, pace)));
    }
    await this.#until('everything is sent', () => left === 0, PATIENCE + (3 * pace * messages) / all);
  }

  #say({ client, index }: Party, tally: Tally): void {
    const id = tally.nextId(index);
    const receiver = this.#parties[this.#senders.length + this.#script.int(0, this.#senders.length - 1)]!;
    this.#receivers.set(id, receiver);
    const to = `${receiver.user}@${this.server.domain}`;
    const archived = ARCHIVE_ALONE[this.name] && tally.name === KILL;
    const hint = archived ? null : xml('no-permanent-store', { xmlns: 'urn:xmpp:hints' });
    tally.follow(id, client.deliver(xml('message', { to, type: 'chat', id }, xml('body', {}, `message ${id}`), hint)));
  }

  get #allPresent(): boolean {
    return this.#parties.every((party) => party.client.session && this.#present.get(party) === party.client.session);
  }

  #party(user: string, index: number, proxy: ResetProxy): Party {
    const { host, domain, ca, users } = this.server;
    const draw = chance(this.config.seed, 10_000 + index);
    const queues = index % 2 === 0;
    const wire = new WireLog();
    const client = xmppClient({
      jid: `${user}@${domain}`,
      resource: 'soak',
      credentials: { password: users[user]! },
      transport: wire.watch(tcp({ host, port: proxy.port, security: 'starttls', tls: { ca } })),
      streamManagement: { acknowledgements: { every: 8, after: 250 } },
      keepAlive: { idle: 30_000, timeout: 30_000 },
      reconnect: { backoff: backoff({ initial: 200, max: 2_000, random: draw.random }) },
      // Two hundred at a time are slow on a small machine.
      timeouts: { target: 30_000, connect: 60_000, tls: 60_000, deadline: 120_000, close: 30_000 },
      whileOffline: queues ? { queue: 100_000 } : 'error',
    });
    const party: Party = { index, user, client, proxy, wire, told: [], queues };
    this.#held.add(
      client.trace$.subscribe((event) => {
        if (event.type === 'connecting') this.#count.attempts++;
        if (event.type !== 'failed') return;
        const { layer, condition, phase } = event.error;
        const what = `${layer} ${condition} (${phase})`;
        this.#failures[what] = (this.#failures[what] ?? 0) + 1;
      }),
    );
    this.#held.add(client.status$.subscribe(() => this.#changed$.next()));
    this.#held.add(
      client.message$.subscribe((stanza) => {
        party.told.push(stanza.attrs.id ?? '');
        // Of whatever phase it is.
        for (const tally of this.#tallies) tally.receive(user, stanza);
      }),
    );
    this.#held.add(
      client.session$.subscribe({
        next: (session) => this.#onSession(party, session),
        error: (error: unknown) => this.#violations.push(`${user} gave up: ${String(error)}`),
      }),
    );
    return party;
  }

  #onSession(party: Party, session: Session): void {
    this.#count[session.resumed ? 'resumed' : 'bound']++;
    if (!session.resumed) session.send(xml('presence'));
    // Answered behind the presence.
    this.#held.add(
      session.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), this.server.domain, { timeout: PATIENCE }).subscribe({
        complete: () => {
          this.#present.set(party, session);
          this.#changed$.next();
        },
        // The session was lost: another comes.
        error: () => undefined,
      }),
    );
  }

  /** Awaits what must come true, or tells what has not. */
  async #until(what: string, condition: () => boolean, limit = PATIENCE): Promise<void> {
    this.config.progress?.(`${this.name}: until ${what}`);
    if (!(await this.#comesTrue(condition, limit))) this.#violations.push(`${what}: not within ${limit / 1000} s`);
  }

  async #comesTrue(condition: () => boolean, limit: number): Promise<boolean> {
    const changes$ = this.#changed$.pipe(auditTime(10), startWith(undefined));
    const true$ = changes$.pipe(
      filter(condition),
      map(() => true),
    );
    return firstValueFrom(true$.pipe(timeout({ first: limit, with: () => of(false) })));
  }
}
