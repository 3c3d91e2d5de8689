import { BehaviorSubject, map, Observable, Subject, Subscription, type SchedulerLike } from 'rxjs';
import { backoff } from '../../lib/client/backoff.js';
import { storedSession } from '../../lib/client/stored-session.js';
import { xmppClient, type XmppClient } from '../../lib/client/xmpp-client.js';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import type { Session } from '../../lib/session/session.js';
import { memoryTransport } from '../../lib/testing/memory/memory-transport.js';
import { nodeServerCrypto } from '../../lib/testing/node/node-crypto.js';
import { SeededScheduler } from '../../lib/testing/seeded-scheduler.js';
import { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import type { Connection, Transport } from '../../lib/transport/transport.js';
import { xml } from '../../lib/xml/xml.js';
import { syncCrypto } from '../support/sync-crypto.js';
import { chance } from './chance.js';
import { unhandledErrors } from './simulate.js';
import { Violations } from './violations.js';
import { watchedTransport } from './watched-transport.js';

const CYCLES = 10_000;
const LATENCY = 10;
const TERMINAL = ['closed', 'failed', 'cancelled'];

/** Counts who is subscribed to an observable at present. */
class Subscribers {
  count = 0;

  counted<T>(source: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      this.count++;
      subscriber.add(() => this.count--);
      subscriber.add(source.subscribe(subscriber));
    });
  }
}

/** A transport that counts who holds a connection and who reads it. */
function countedTransport(inner: Transport, of: Record<'dialled$' | 'secured$' | 'input$', Subscribers>): Transport {
  const counted = (connection: Connection): Connection =>
    new Proxy(connection, {
      get: (target, key) => {
        if (key === 'input$') return of.input$.counted(target.input$);
        if (key === 'startTls' && target.startTls)
          return () => of.secured$.counted(target.startTls!()).pipe(map(counted));
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
      },
    });
  return {
    name: inner.name,
    connect: (context) => of.dialled$.counted(inner.connect(context)).pipe(map(counted)),
  };
}

/**
 * One world, one server, and thousands of attempts one after the other, each abandoned: after some time, or in the very midst of
 * a lifecycle event. Right after that, and for good, nothing of it is left.
 */
describe('connect and abort', () => {
  const seen = new Map<string, number>();
  const violations = new Violations();

  it(`leaves nothing behind, ${CYCLES} times`, () => {
    const draw = chance(1, 0);
    const time = new SeededScheduler(chance(1, 1).random);
    const parties = { client: time.party(), network: time.party(), server: time.party() };
    const server = new XmppServer({
      accounts: { alice: 'wonder' },
      mechanisms: ['SCRAM-SHA-1'],
      streamManagement: { max: 5 },
      scheduler: parties.server,
      random: chance(1, 2).random,
      crypto: nodeServerCrypto,
    });
    const [held$, dialled$, secured$, input$] = [
      new Subscribers(),
      new Subscribers(),
      new Subscribers(),
      new Subscribers(),
    ];
    const subjects = {
      online$: new BehaviorSubject(true),
      wake$: new Subject<void>(),
      store$: new Subject<undefined>(),
    };
    const transport = memoryTransport(server, { latency: () => draw.int(0, LATENCY), scheduler: parties.network });
    // Some look-ups are never answered, and the client is abandoned there.
    const lookUp = () => draw.pick([0, 0, 0, 0, 0, 50, Infinity]);
    const counting = countedTransport(watchedTransport(transport, lookUp, parties.network, violations), {
      dialled$,
      secured$,
      input$,
    });
    const crypto = syncCrypto((length) => draw.bytes(length));
    const options = {
      jid: 'alice@localhost',
      credentials: { password: 'wonder' },
      transport: { name: 'memory', connect: (context) => held$.counted(counting.connect(context)) } as Transport,
      scheduler: parties.client as SchedulerLike,
      random: draw.random,
      crypto,
      keepAlive: { idle: 2_000, timeout: 500, wake$: subjects.wake$ },
      iqTimeout: 3_000,
    };

    const cycle = (number: number): void => {
      const held = new Subscription();
      const watched = new Subscription();
      let last: TraceEvent | undefined;
      let status = '';
      let phase = '';
      let ended = 0;
      let over = false;
      // Some go on to a second attempt, which resumes the session of the first.
      const again = draw.bool(0.1);
      const leave = {
        event: again ? draw.int(18, 38) : draw.bool(0.5) ? draw.int(1, 23) : Infinity,
        at: again ? 3_000 : draw.int(0, draw.pick([60, 200, 400, 2_000])),
      };
      const release = (): void => {
        if (over) return;
        over = true;
        phase = within ? `in ${within}` : status === 'waiting' ? 'waiting' : `after ${last?.type ?? 'nothing'}`;
        seen.set(phase, (seen.get(phase) ?? 0) + 1);
        held.unsubscribe();
      };
      let events = 0;
      let within: string | undefined;
      const trace = (event: TraceEvent): void => {
        violations.check(!over || TERMINAL.includes(event.type), 'I2', () => `${number}: ${event.type} after the end`);
        if (TERMINAL.includes(event.type)) ended = event.attempt;
        else
          violations.check(event.attempt > ended, 'I1', () => `${number}: ${event.type} after the end of the attempt`);
        last = event;
        within = event.type;
        if (++events === leave.event) release();
        within = undefined;
      };
      const emits = (what: string): void => violations.check(!over, 'I2', () => `${number}: ${what} after the end`);
      /** A client's requests and deliveries hold it as long as they take: these are let go too. */
      const use = (session: Session, through: Session | XmppClient): void => {
        emits('session');
        if (draw.bool(0.5)) session.send(xml('presence'));
        if (draw.bool(0.3)) held.add(through.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' })).subscribe(unheard));
        if (draw.bool(0.3)) held.add(through.deliver(message()).subscribe(unheard));
        if (draw.bool(0.3)) held.add(through.close().subscribe(unheard));
      };
      const gone = (): void => emits('error');

      if (!again && draw.bool(0.5)) {
        const session$ = xmppStream({ ...options, trace });
        held.add(session$.subscribe({ next: (session) => use(session, session), error: gone }));
      } else {
        const load$ = draw.bool(0.1) ? subjects.store$ : undefined;
        const store = load$ && storedSession({ load: () => load$, save: () => undefined, clear: () => undefined });
        const client = xmppClient({
          ...options,
          online$: subjects.online$,
          reconnect: { backoff: backoff({ random: draw.random }) },
          streamManagement: { store },
        });
        const watching = client.trace$.subscribe(trace);
        watching.add(client.status$.subscribe(({ kind }) => (status = kind)));
        held.add(client.session$.subscribe({ next: (session) => use(session, client), error: gone }));
        if (!over) held.add(client.message$.subscribe(() => emits('message')));
        watched.add(watching);
      }

      // What happens meanwhile.
      const begun = time.now();
      const trouble = again ? 1 : draw.int(0, 9);
      if (trouble === 0)
        server.fault({ at: draw.pick(['sasl', 'bind', 'enable', 'online'] as const), do: 'mute', times: 1 });
      time.runUntil(begun + Math.floor(leave.at / 2));
      if (trouble === 1) transport.cut();
      if (trouble === 2) transport.stall(draw.pick(['in', 'out', 'both'] as const));
      if (trouble === 3) subjects.wake$.next();
      if (trouble === 4) subjects.online$.next(false);
      if (trouble === 5) server.stop({ crash: draw.bool(0.5) });
      time.runUntil(begun + leave.at);
      transport.heal();
      release();

      const left = {
        timers: parties.client.pending,
        connections: transport.open,
        held: held$.count,
        dialled: dialled$.count,
        secured: secured$.count,
        read: input$.count,
        observers: Object.values(subjects).filter(({ observed }) => observed).length,
        attempt: last !== undefined && ended !== last.attempt ? 1 : 0,
      };
      const sum = Object.values(left).reduce((total, count) => total + count, 0);
      violations.check(sum === 0, 'I2', () => `${number}, left ${phase}: ${JSON.stringify(left)}`);
      watched.unsubscribe();
      server.clearFaults();
      server.start();
      subjects.online$.next(true);
    };

    for (let number = 1; number <= CYCLES; number++) cycle(number);
    expect(violations.list).toEqual([]);
    // The others let go too, in their time.
    time.runUntil(time.now() + 20_000);
    expect({ ...parties, connections: server.connections, sessions: server.sessions }).toMatchObject({
      client: { pending: 0 },
      network: { pending: 0 },
      server: { pending: 0 },
      connections: 0,
      sessions: [],
    });
  }, 120_000);

  it('has left in every phase, many times', () => {
    const phases = [
      ...['resolving', 'connecting', 'opening', 'opened', 'features', 'starting-tls', 'securing', 'secured'],
      ...['authenticating', 'authenticated', 'binding', 'bound', 'resuming', 'online', 'closing', 'closed', 'failed'],
    ].map((type) => `in ${type}`);
    const waits = ['opening', 'securing', 'authenticating', 'binding', 'bound', 'online'].map(
      (type) => `after ${type}`,
    );
    for (const phase of [...phases, ...waits, 'waiting']) {
      expect({ phase, often: (seen.get(phase) ?? 0) >= 10 }).toEqual({ phase, often: true });
    }
  });

  it('leaves no error unhandled', () => {
    expect(unhandledErrors).toEqual([]);
  });
});

const unheard = { error: () => undefined };
const message = () => xml('message', { to: 'echo@localhost', type: 'chat' }, xml('body', {}, 'x'));
