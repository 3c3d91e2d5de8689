import { Resolver } from 'node:dns';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NEVER, of, Subject, switchMap, VirtualTimeScheduler, type Observable } from 'rxjs';
import { TransportError } from '../../../lib/errors/transport-error.js';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import type { Address, DnsResolver, SrvRecord } from '../../../lib/transport/dns-resolver.js';
import { nodeResolver, tcp, type TcpConfig } from '../../../lib/transport/node/index.js';
import type { Connection } from '../../../lib/transport/transport.js';
import { dnsServer, type DnsServer, type DnsZone } from '../../servers/dns.js';
import { connectContext, traceLines } from '../../support/connect-context.js';
import { closedPort, tcpServer, type LoopbackServer } from '../../support/loopback.js';
import { watch } from '../../support/watch.js';

let server: LoopbackServer;
let dead: number;
beforeAll(async () => {
  server = await tcpServer((socket) => socket.resume().on('end', () => socket.end()));
  dead = await closedPort();
});
afterAll(() => server.close());

/** A resolver of tables; what it lacks has no records. */
function resolverOf(
  srv: Record<string, readonly SrvRecord[] | Observable<readonly SrvRecord[]>>,
  hosts: Record<string, readonly string[] | Observable<readonly Address[]>> = {},
): DnsResolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = <T>(value: readonly T[] | Observable<readonly T[]> = []) =>
    'subscribe' in value ? value : of(value as readonly T[]);
  return {
    asked,
    srv: (name) => {
      asked.push(name);
      return answer(srv[name.split('.')[0]!]);
    },
    addresses: (host) => {
      asked.push(host);
      const found = hosts[host] ?? [];
      if ('subscribe' in found) return found;
      return of(found.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 })));
    },
  };
}

const record = (name: string, port: number, priority = 1): SrvRecord => ({ name, port, priority, weight: 0 });

async function errorOf(config: TcpConfig, context = connectContext()): Promise<XmppError> {
  const attempt = watch(tcp(config).connect(context));
  await attempt.ended;
  expect(attempt.values).toEqual([]);
  return attempt.error as XmppError;
}

describe('tcp: one server', () => {
  it('sends small writes at once (TCP_NODELAY)', async () => {
    const connect = jest.spyOn(net, 'connect');
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port }).connect(connectContext()));
    await attempt.first;
    attempt.unsubscribe();
    const options = connect.mock.calls.map(([first]) => first);
    connect.mockRestore();
    expect(options).toEqual([expect.objectContaining({ noDelay: true })]);
  });

  it('connects to a host and port, and traces it', async () => {
    const { trace, lines } = traceLines();
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port }).connect(connectContext({ trace })));
    const connection = await attempt.first;
    expect(connection).toMatchObject({ framing: 'stream', tls: undefined, startTls: expect.any(Function) });
    attempt.unsubscribe();
    expect(lines).toEqual(['connecting 127.0.0.1 starttls 127.0.0.1', 'connected 127.0.0.1 starttls 127.0.0.1']);
  });

  it('connects to a name of the system, over whichever family it is served', async () => {
    const attempt = watch(tcp({ host: 'localhost', port: server.port }).connect(connectContext()));
    await attempt.first;
    attempt.unsubscribe();
  });

  it('does nothing until it is subscribed to, and connects anew for each subscriber', async () => {
    const before = server.sockets.length;
    const attempt$ = tcp({ host: '127.0.0.1', port: server.port }).connect(connectContext());
    expect(server.sockets.length).toBe(before);
    const attempts = [watch(attempt$), watch(attempt$)];
    await Promise.all(attempts.map(({ first }) => first));
    while (server.sockets.length < before + 2) await new Promise(setImmediate);
    attempts.forEach((attempt) => attempt.unsubscribe());
  });

  it('says what refused, and what to do', async () => {
    const error = await errorOf({ host: '127.0.0.1', port: dead });
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ condition: 'connection-refused', phase: 'connect', retryable: true });
    expect(error.message).toBe(
      `connection-refused (connect): 127.0.0.1:${dead} refused the connection; is an XMPP server running there, and is the port right?`,
    );
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
  });

  it('G4: keeps the errors of all addresses, and tells of each', async () => {
    const { trace, lines } = traceLines();
    const resolver = resolverOf({}, { h: ['127.0.0.1', '127.0.0.2'] });
    const error = await errorOf({ host: 'h', port: dead, resolver }, connectContext({ trace }));
    expect(error).toMatchObject({ condition: 'connection-refused', phase: 'connect' });
    expect((error as TransportError).errors).toMatchObject([
      { text: expect.stringContaining(`h:${dead} (127.0.0.1) refused`) },
      { text: expect.stringContaining(`h:${dead} (127.0.0.2) refused`) },
    ]);
    expect(lines).toEqual([
      'connecting h starttls 127.0.0.1',
      'target-failed h starttls 127.0.0.1 connection-refused',
      'connecting h starttls 127.0.0.2',
      'target-failed h starttls 127.0.0.2 connection-refused',
      'target-failed h starttls connection-refused',
    ]);
  });

  it('G3: tries the next address of a host at once where one refuses', async () => {
    const scheduler = new VirtualTimeScheduler();
    const resolver = resolverOf({}, { h: ['127.0.0.2', '127.0.0.3', '127.0.0.1'] });
    const context = connectContext({ scheduler });
    const attempt = watch(tcp({ host: 'h', port: server.port, resolver }).connect(context));
    await attempt.first;
    // No timer had to fire for that, and none is left.
    expect([scheduler.now(), scheduler.actions.filter(({ closed }) => !closed)]).toEqual([0, []]);
    attempt.unsubscribe();
  });

  it('goes over to the next address of a host where one is silent (RFC 8305)', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { trace, lines } = traceLines();
    const resolver = resolverOf({}, { h: ['127.0.0.1', '127.0.0.2'] });
    const context = connectContext({ scheduler, trace, timeouts: { target: 300 } });
    const attempt = watch(tcp({ host: 'h', port: server.port, resolver }).connect(context));
    // No socket opens while this runs, so both are silent for 300 ms.
    scheduler.flush();
    await attempt.ended;
    expect(lines).toEqual([
      'connecting h starttls 127.0.0.1',
      'connecting h starttls 127.0.0.2',
      'target-failed h starttls timeout',
    ]);
    expect(scheduler.now()).toBe(300);
  });

  it('lets the families of the addresses take turns (RFC 8305 section 4)', () => {
    const scheduler = new VirtualTimeScheduler();
    const { trace, lines } = traceLines();
    const resolver = resolverOf({}, { h: ['127.0.0.1', '127.0.0.2', '::1'] });
    const config = { host: 'h', port: server.port, resolver, attemptDelay: 10 };
    const attempt = watch(tcp(config).connect(connectContext({ scheduler, trace, timeouts: { target: 30 } })));
    scheduler.flush();
    expect(lines.slice(0, 3).map((line) => line.split(' ').at(-1))).toEqual(['127.0.0.1', '::1', '127.0.0.2']);
    attempt.unsubscribe();
  });

  it('D6: keeps to one family', async () => {
    const resolver = resolverOf({}, { h: ['127.0.0.1', '::1'] });
    const { trace, lines } = traceLines();
    await errorOf({ host: 'h', port: dead, resolver, family: 4 }, connectContext({ trace }));
    expect(lines).toEqual(['connecting h starttls 127.0.0.1', 'target-failed h starttls connection-refused']);
    expect(await errorOf({ host: '127.0.0.1', port: dead, family: 6 })).toMatchObject({ condition: 'dns-no-address' });
  });

  it('connects from a local address', async () => {
    const local = await tcpServer();
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: local.port, localAddress: '127.0.0.1' }).connect(connectContext()),
    );
    expect((await local.next()).remoteAddress).toBe('127.0.0.1');
    attempt.unsubscribe();
    await local.close();
    const error = await errorOf({ host: '127.0.0.1', port: server.port, localAddress: '192.0.2.1' });
    expect(error).toMatchObject({ condition: 'network-unreachable', text: expect.stringContaining('localAddress') });
  });

  it('connects from a local port', async () => {
    const localPort = await closedPort();
    const local = await tcpServer();
    const attempt = watch(tcp({ host: '127.0.0.1', port: local.port, localPort }).connect(connectContext()));
    expect((await local.next()).remotePort).toBe(localPort);
    attempt.unsubscribe();
    await local.close();
  });

  it('connects to a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxmpp-'));
    const path = join(folder, 'socket');
    expect(await errorOf({ path })).toMatchObject({
      condition: 'connection-failed',
      text: expect.stringContaining(path),
    });
    const unix = await tcpServer(undefined, { path });
    const { trace, lines } = traceLines();
    const attempt = watch(tcp({ path }).connect(connectContext({ trace })));
    (await attempt.first).write('hello');
    const socket = await unix.next();
    expect(String(await new Promise((resolve) => socket.once('data', resolve)))).toBe('hello');
    attempt.unsubscribe();
    await unix.close();
    rmSync(folder, { recursive: true });
    expect(lines).toEqual([`connecting ${path} starttls`, `connected ${path} starttls`]);
  });

  it.each<[string, TcpConfig, 'required' | 'disabled', string]>([
    ['STARTTLS by default', { host: 'h' }, 'required', 'h:5222 starttls'],
    ['direct TLS', { host: 'h', security: 'direct' }, 'required', 'h:5223 direct'],
    ['no TLS', { host: 'h', security: 'none' }, 'required', 'h:5222 none'],
    ['no TLS by policy', { host: 'h' }, 'disabled', 'h:5222 none'],
    ['a port alone', { port: 9 }, 'required', 'example.org:9 starttls'],
  ])('dials without looking up records: %s', async (_, config, tls, expected) => {
    const resolver = resolverOf({});
    const targets: string[] = [];
    const trace = (event: { type: string; target?: { host: string; port: number; security: string } }) =>
      event.target && targets.push(`${event.target.host}:${event.target.port} ${event.target.security}`);
    const error = await errorOf({ ...config, resolver }, connectContext({ tls, trace }));
    expect([error.condition, error.phase, targets]).toEqual(['dns-no-address', 'resolve', [expected]]);
    expect(resolver.asked).toEqual([expected.split(':')[0]]);
  });

  it('offers no STARTTLS where it is not wanted', async () => {
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, security: 'none' }).connect(connectContext()));
    expect((await attempt.first).startTls).toBeUndefined();
    attempt.unsubscribe();
  });
});

describe('tcp: the servers of a domain, by a real DNS server (T7)', () => {
  let dns: DnsServer;
  beforeAll(async () => (dns = await dnsServer()));
  afterAll(() => dns.close());

  const loopback = { 'a.example A': ['127.0.0.1'], 'b.example A': ['127.0.0.1'] } as const;
  const service = (target: string, port: number, priority = 1, weight = 0) => ({ target, port, priority, weight });

  async function attemptWith(zone: DnsZone, config: TcpConfig = {}, random = 0) {
    dns.zone = { ...loopback, ...zone };
    const { trace, lines } = traceLines();
    const transport = tcp({ ...config, resolver: nodeResolver({ servers: [dns.address] }) });
    const attempt = watch(transport.connect(connectContext({ trace, random: () => random })));
    await Promise.race([attempt.first.catch(() => undefined), attempt.ended]);
    attempt.unsubscribe();
    return { lines, error: attempt.error as TransportError | undefined };
  }

  it('follows SRV records', async () => {
    const { lines } = await attemptWith({ '_xmpp-client._tcp.example.org SRV': [service('a.example', server.port)] });
    expect(lines).toEqual([
      'resolving',
      'resolved',
      'connecting a.example starttls 127.0.0.1',
      'connected a.example starttls 127.0.0.1',
    ]);
  });

  it.each([
    ['lot 0 of 3 + 1', 0, 'acbd'],
    ['lot 3 of 3 + 1', 0.79, 'acbd'],
    ['lot 4 of 3 + 1', 0.81, 'abcd'],
    ['the last lot', 0.999, 'abcd'],
  ])(
    'orders the servers of both services by priority, then by weight (RFC 2782, XEP-0368): %s',
    async (_, random, order) => {
      const { lines } = await attemptWith(
        {
          ...Object.fromEntries(['a', 'b', 'c', 'd'].map((host) => [`${host}.example A`, ['127.0.0.1']])),
          '_xmpps-client._tcp.example.org SRV': [service('d.example', dead, 9), service('c.example', dead, 2, 3)],
          '_xmpp-client._tcp.example.org SRV': [service('b.example', dead, 2, 1), service('a.example', dead, 1, 0)],
        },
        {},
        random,
      );
      const dialled = lines.filter((line) => line.startsWith('connecting')).map((line) => line.split(' ')[1]![0]);
      expect(dialled.join('')).toBe(order);
    },
  );

  it('goes on to the next where the first is dead', async () => {
    const { lines } = await attemptWith({
      '_xmpp-client._tcp.example.org SRV': [service('b.example', server.port, 2), service('a.example', dead, 1)],
    });
    expect(lines.slice(2)).toEqual([
      'connecting a.example starttls 127.0.0.1',
      'target-failed a.example starttls connection-refused',
      'connecting b.example starttls 127.0.0.1',
      'connected b.example starttls 127.0.0.1',
    ]);
  });

  it('goes on to the next where the first has no address', async () => {
    const { lines } = await attemptWith({
      '_xmpp-client._tcp.example.org SRV': [service('b.example', server.port, 2), service('nowhere.example', 5222, 1)],
    });
    expect(lines.slice(2)).toEqual([
      'target-failed nowhere.example starttls dns-no-address',
      'connecting b.example starttls 127.0.0.1',
      'connected b.example starttls 127.0.0.1',
    ]);
  });

  it('G4: keeps the errors of all targets where all are dead', async () => {
    const { error } = await attemptWith({
      '_xmpp-client._tcp.example.org SRV': [service('a.example', dead, 1), service('nowhere.example', 5222, 2)],
    });
    expect(error).toMatchObject({
      name: 'TransportError',
      condition: 'all-targets-failed',
      phase: 'connect',
      retryable: true,
      errors: [{ condition: 'connection-refused' }, { condition: 'dns-no-address' }],
    });
    expect(error!.message).toContain(`none of the 2 servers of example.org could be connected to: a.example:${dead}`);
  });

  it('is dead where all the direct TLS is refused, and the other service is not offered', async () => {
    const { error, lines } = await attemptWith({
      '_xmpps-client._tcp.example.org SRV': [service('a.example', dead)],
      '_xmpp-client._tcp.example.org SRV': [service('.', 0)],
    });
    expect(error).toMatchObject({ condition: 'connection-refused' });
    expect(lines.slice(2)).toEqual([
      'connecting a.example direct 127.0.0.1',
      'target-failed a.example direct connection-refused',
    ]);
  });

  it.each<[string, DnsZone]>([
    ['no such name (NXDOMAIN)', {}],
    [
      'no such record (NODATA)',
      { '_xmpp-client._tcp.example.org TXT': ['x'], '_xmpps-client._tcp.example.org TXT': ['x'] },
    ],
  ])('dials the domain itself, on port 5222 and by STARTTLS, where there is %s', async (_, zone) => {
    const { lines } = await attemptWith({ ...zone, 'example.org A': ['127.0.0.1'] });
    expect(lines.slice(0, 3)).toEqual(['resolving', 'resolved', 'connecting example.org starttls 127.0.0.1']);
    expect(dns.log.slice(-4).sort()).toEqual([
      'udp A example.org',
      'udp AAAA example.org',
      'udp SRV _xmpp-client._tcp.example.org',
      'udp SRV _xmpps-client._tcp.example.org',
    ]);
  });

  it('takes an answer that is truncated over TCP, and the first 32 of a thousand servers', async () => {
    const thousand = Array.from({ length: 1_000 }, (_, index) => service(`h${index}.example`, 5222, index));
    const { lines, error } = await attemptWith({ '_xmpp-client._tcp.example.org SRV': { truncated: thousand } });
    expect(dns.log).toContain('tcp SRV _xmpp-client._tcp.example.org');
    const tried = lines.filter((line) => line.startsWith('target-failed')).map((line) => line.split(' ')[1]);
    expect(tried).toEqual(Array.from({ length: 32 }, (_, index) => `h${index}.example`));
    expect(error).toMatchObject({ condition: 'all-targets-failed' });
  });

  it('has nothing to dial where the domain has neither records nor addresses', async () => {
    const { lines, error } = await attemptWith({});
    expect(lines).toEqual(['resolving', 'resolved', 'target-failed example.org starttls dns-no-address']);
    expect(error).toMatchObject({ condition: 'dns-no-address', phase: 'resolve' });
  });

  it.each<[string, DnsZone, object]>([
    [
      '`.`',
      {
        '_xmpps-client._tcp.example.org SRV': [service('.', 0)],
        '_xmpp-client._tcp.example.org SRV': [service('.', 0)],
      },
      { condition: 'dns-not-offered', retryable: false },
    ],
    ['SERVFAIL', { '_xmpp-client._tcp.example.org SRV': 'SERVFAIL' }, { condition: 'dns-failure', retryable: true }],
    ['REFUSED', { '_xmpps-client._tcp.example.org SRV': 'REFUSED' }, { condition: 'dns-refused', retryable: true }],
  ])('dials nothing after %s', async (_, zone, expected) => {
    const { lines, error } = await attemptWith(zone);
    expect(lines).toEqual(['resolving']);
    expect(error).toMatchObject({ ...expected, phase: 'resolve' });
  });
});

describe('tcp: bounds (T9)', () => {
  const two = { '_xmpp-client': [record('a', 5222, 1), record('b', 5222, 2)] };

  it('bounds SRV', async () => {
    const scheduler = new VirtualTimeScheduler();
    const resolver = resolverOf({ '_xmpp-client': NEVER, '_xmpps-client': NEVER });
    const attempt = watch(tcp({ resolver }).connect(connectContext({ scheduler, timeouts: { resolve: 70 } })));
    scheduler.flush();
    expect(attempt.error).toMatchObject({ name: 'XmppTimeoutError', phase: 'resolve', due: 70 });
    expect(scheduler.now()).toBe(70);
  });

  it('bounds SRV of a DNS server that is silent, and cancels the queries (T7)', async () => {
    const service = '_xmpp-client._tcp.example.org';
    const dns = await dnsServer({ [`${service} SRV`]: 'silence' });
    const cancel = jest.spyOn(Resolver.prototype, 'cancel');
    const scheduler = new VirtualTimeScheduler();
    const resolver = nodeResolver({ servers: [dns.address] });
    const context = connectContext({ scheduler, timeouts: { resolve: 70 } });
    const attempt = watch(tcp({ resolver, security: 'starttls' }).connect(context));
    await dns.asked(service);
    expect(cancel).not.toHaveBeenCalled();
    scheduler.flush();
    expect(attempt.error).toMatchObject({ name: 'XmppTimeoutError', phase: 'resolve', due: 70, retryable: true });
    expect(cancel).toHaveBeenCalledTimes(1);
    cancel.mockRestore();
    await dns.close();
  });

  it('bounds the addresses of each target', async () => {
    const scheduler = new VirtualTimeScheduler();
    const resolver = resolverOf(two, { a: NEVER, b: NEVER });
    const attempt = watch(tcp({ resolver }).connect(connectContext({ scheduler, timeouts: { resolve: 70 } })));
    scheduler.flush();
    expect(attempt.error).toMatchObject({
      condition: 'all-targets-failed',
      errors: [
        { name: 'XmppTimeoutError', phase: 'resolve', due: 70 },
        { name: 'XmppTimeoutError', phase: 'resolve', due: 70 },
      ],
    });
    expect(scheduler.now()).toBe(140);
  });

  it('D1: each target has a timer of its own', async () => {
    const scheduler = new VirtualTimeScheduler();
    const resolver = resolverOf(two, { a: ['127.0.0.1'], b: ['127.0.0.1'] });
    const attempt = watch(tcp({ resolver }).connect(connectContext({ scheduler, timeouts: { target: 70 } })));
    scheduler.flush();
    expect(attempt.error).toMatchObject({
      condition: 'all-targets-failed',
      retryable: true,
      errors: [
        { name: 'XmppTimeoutError', phase: 'connect', due: 70, text: expect.stringContaining('a:5222 did not answer') },
        { name: 'XmppTimeoutError', phase: 'connect', due: 70, text: expect.stringContaining('b:5222 did not answer') },
      ],
    });
    expect(scheduler.now()).toBe(140);
  });
});

describe('tcp: giving up (D1, D2, D3, T10)', () => {
  it('D1: unsubscribing while the first of two targets is dialled dials no other', async () => {
    const { trace, lines } = traceLines();
    const resolver = resolverOf(
      { '_xmpp-client': [record('a', dead, 1), record('b', server.port, 2)] },
      { a: ['127.0.0.1'], b: ['127.0.0.1'] },
    );
    const before = server.sockets.length;
    const attempt = watch(tcp({ resolver }).connect(connectContext({ trace })));
    attempt.unsubscribe();
    // Long enough for the first one to be refused.
    await errorOf({ host: '127.0.0.1', port: dead });
    expect(lines.slice(2)).toEqual(['connecting a starttls 127.0.0.1']);
    expect([attempt.log, server.sockets.length]).toEqual([[], before]);
  });

  it('D2, D3: unsubscribing during SRV cancels the queries and the timer, and dials nothing', () => {
    const scheduler = new VirtualTimeScheduler();
    const late = new Subject<readonly SrvRecord[]>();
    const resolver = resolverOf({ '_xmpp-client': late, '_xmpps-client': late });
    const attempt = watch(tcp({ resolver }).connect(connectContext({ scheduler })));
    expect(late.observed).toBe(true);
    attempt.unsubscribe();
    expect(late.observed).toBe(false);
    expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
    late.next([record('a', 5222)]);
    expect(resolver.asked).toEqual(['_xmpps-client._tcp.example.org', '_xmpp-client._tcp.example.org']);
    expect(attempt.log).toEqual([]);
  });

  it('unsubscribing during the look-up of addresses dials nothing when they come late', () => {
    const { trace, lines } = traceLines();
    const late = new Subject<readonly Address[]>();
    const attempt = watch(tcp({ host: 'h', resolver: resolverOf({}, { h: late }) }).connect(connectContext({ trace })));
    attempt.unsubscribe();
    late.next([{ address: '127.0.0.1', family: 4 }]);
    expect([lines, attempt.log]).toEqual([[], []]);
  });

  it('unsubscribing when the socket is about to open: its late open reaches nobody', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const attempt = watch(tcp({ host: '127.0.0.1', port: server.port }).connect(connectContext()));
      for (let wait = 0; wait < turn % 4; wait++) await new Promise(setImmediate);
      const told = attempt.log.length;
      attempt.unsubscribe();
      for (let wait = 0; wait < 4; wait++) await new Promise(setImmediate);
      expect(attempt.log).toHaveLength(told);
    }
  });

  it('G1: a new attempt through switchMap never sees the socket of the old one', async () => {
    const attempts = new Subject<string>();
    const opened: string[] = [];
    const other = await tcpServer();
    const subscription = attempts
      .pipe(
        switchMap((name) => {
          const port = name === 'last' ? other.port : server.port;
          return tcp({ host: '127.0.0.1', port })
            .connect(connectContext())
            .pipe(switchMap((connection: Connection) => of(`${name} ${connection.framing}`)));
        }),
      )
      .subscribe({ next: (name) => opened.push(name), error: (error) => opened.push(String(error)) });
    for (let index = 0; index < 50; index++) attempts.next(`attempt ${index}`);
    attempts.next('last');
    await other.next();
    while (opened.length === 0) await new Promise(setImmediate);
    expect(opened).toEqual(['last stream']);
    subscription.unsubscribe();
    await other.close();
  });

  it('leaves no handle and no timer after 200 attempts given up at every stage', async () => {
    const own = await tcpServer((socket) => socket.resume().on('end', () => socket.end()));
    const resolver = resolverOf(
      { '_xmpp-client': [record('a', dead, 1), record('b', own.port, 2)] },
      { a: ['127.0.0.1'], b: ['127.0.0.1'] },
    );
    const handles = () =>
      process.getActiveResourcesInfo().filter((kind) => /TCP|Shutdown|Connect|DNS|GetAddr/.test(kind));
    const quiet = async () => {
      while (handles().includes('TCPSocketWrap')) await new Promise(setImmediate);
      return handles().sort();
    };
    const before = await quiet();
    const scheduler = new VirtualTimeScheduler();
    for (let turn = 0; turn < 200; turn++) {
      const attempt = watch(tcp({ resolver }).connect(connectContext({ scheduler })));
      if (turn % 5 === 4) (await attempt.first).write('a');
      else for (let wait = 0; wait < turn % 5; wait++) await new Promise(setImmediate);
      attempt.unsubscribe();
    }
    // The server's own ends of them close as ours do.
    expect(await quiet()).toEqual(before);
    expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
    expect(own.sockets.every(({ destroyed }) => destroyed)).toBe(true);
    await own.close();
  });
});

describe('tcp: where a proven server sends us (T5, XEP-0198 section 5)', () => {
  it('dials it first, and looks nothing up', async () => {
    const resolver = resolverOf({});
    const context = connectContext({ location: `127.0.0.1:${server.port}` });
    const attempt = watch(tcp({ resolver }).connect(context));
    await attempt.first;
    attempt.unsubscribe();
    expect(resolver.asked).toEqual([]);
  });

  it('goes the usual way where that fails', async () => {
    const { trace, lines } = traceLines();
    const context = connectContext({ location: `127.0.0.1:${dead}`, trace });
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port }).connect(context));
    await attempt.first;
    attempt.unsubscribe();
    expect(lines.filter((line) => line.startsWith('target-failed'))).toHaveLength(1);
  });
});

describe('tcp: what cannot be used', () => {
  it.each<[string, object, string]>([
    ['an unknown option', { hots: 'x' }, 'tcp() has no option `hots`'],
    ['a port that is none', { host: 'h', port: 0 }, '`port`'],
    ['a port that is text', { host: 'h', port: '5222' }, '`port`'],
    ['an empty host', { host: '' }, '`host`'],
    ['an unknown security', { security: 'tls' }, '`security`'],
    ['an unknown family', { family: 5 }, '`family`'],
    ['a local address that is a name', { localAddress: 'localhost' }, '`localAddress`'],
    ['a bad delay', { attemptDelay: -1 }, '`attemptDelay`'],
    ['a bad linger', { linger: -1 }, '`linger`'],
    ['a linger that is no number', { linger: NaN }, '`linger`'],
    ['two ways', { host: 'h', path: '/p' }, 'exclude each other'],
    ['a key that is none', { tls: { key: 'x' } }, '`tls`'],
    ['a CA that is none', { tls: { ca: ['x'] } }, '`tls.ca`'],
    ['a CA that is cut', { tls: { ca: Buffer.from('-----BEGIN CERTIFICATE-----\nMII') } }, '`tls.ca`'],
  ])('%s', (_, config, text) => {
    expect(() => tcp(config as TcpConfig)).toThrow(
      expect.objectContaining({ name: 'UsageError', text: expect.stringContaining(text) }),
    );
  });

  it('direct TLS where the policy rules TLS out', async () => {
    expect(await errorOf({ host: 'h', security: 'direct' }, connectContext({ tls: 'disabled' }))).toMatchObject({
      name: 'UsageError',
    });
  });
});
