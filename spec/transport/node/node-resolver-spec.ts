import { firstValueFrom, VirtualTimeScheduler } from 'rxjs';
import type { TransportError } from '../../../lib/errors/transport-error.js';
import { nodeResolver } from '../../../lib/transport/node/node-resolver.js';
import { dnsServer, type DnsAnswer, type DnsServer } from '../../servers/dns.js';

const name = '_xmpp-client._tcp.example.org';

let dns: DnsServer;
beforeAll(async () => (dns = await dnsServer()));
afterAll(() => dns.close());

const resolver = () => nodeResolver({ servers: [dns.address] });

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    const { name, condition, phase, retryable } = error as TransportError;
    return { name, condition, phase, retryable };
  }
}

const thousand = Array.from({ length: 1000 }, (_, index) => ({ target: `h${index}.example`, port: 5222 }));

describe('nodeResolver, SRV (T7)', () => {
  it.each<[string, DnsAnswer | undefined, unknown]>([
    [
      'records',
      [{ target: 'a.example', port: 5222, priority: 1, weight: 2 }],
      [{ name: 'a.example', port: 5222, priority: 1, weight: 2 }],
    ],
    [
      'the target `.`',
      [{ target: '.', port: 0, priority: 0, weight: 0 }],
      [{ name: '', port: 0, priority: 0, weight: 0 }],
    ],
    ['NXDOMAIN', 'NXDOMAIN', []],
    ['no data of that type', [], []],
    ['SERVFAIL', 'SERVFAIL', { name: 'TransportError', condition: 'dns-failure', phase: 'resolve', retryable: true }],
    ['REFUSED', 'REFUSED', { name: 'TransportError', condition: 'dns-refused', phase: 'resolve', retryable: true }],
    [
      'truncation: asked again over TCP',
      { truncated: [{ target: 'a.example', port: 1, priority: 1, weight: 1 }] },
      [{ name: 'a.example', port: 1, priority: 1, weight: 1 }],
    ],
    [
      'a thousand records',
      { truncated: thousand },
      thousand.map(({ target, port }) => ({ name: target, port, priority: 0, weight: 0 })),
    ],
  ])('%s', async (_, answer, expected) => {
    dns.zone = answer === undefined ? {} : { [`${name} SRV`]: answer };
    expect(await outcome(firstValueFrom(resolver().srv(name)))).toEqual(expected);
  });

  it('tells where no DNS server can be reached', async () => {
    const gone = await dnsServer();
    await gone.close();
    const error = await outcome(firstValueFrom(nodeResolver({ servers: [gone.address] }).srv(name)));
    expect(error).toMatchObject({ condition: 'dns-failure', retryable: true });
  });

  it('tells of a name that the DNS cannot hold, which no retry mends', async () => {
    const error = await outcome(firstValueFrom(resolver().srv(`${'x'.repeat(64)}.example`)));
    expect(error).toMatchObject({ condition: 'dns-failure', retryable: false });
  });

  it('D3: cancels the query on unsubscribe, and tells nothing more (T10)', async () => {
    dns.zone = { [`${name} SRV`]: 'silence', 'other.example A': ['192.0.2.1'] };
    const seen: unknown[] = [];
    const subscription = resolver()
      .srv(name)
      .subscribe({ next: (v) => seen.push(v), error: (e) => seen.push(e), complete: () => seen.push('complete') });
    await dns.asked(name);
    subscription.unsubscribe();
    // Another query of the same kind goes its way meanwhile.
    expect(await firstValueFrom(resolver().addresses('other.example', 4))).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  it('is cold: asks once for each subscriber, and nothing before', async () => {
    dns.zone = { [`${name} SRV`]: [] };
    const query$ = resolver().srv(name);
    const before = dns.log.length;
    await firstValueFrom(query$);
    await firstValueFrom(query$);
    expect(dns.log.slice(before)).toEqual([`udp SRV ${name}`, `udp SRV ${name}`]);
  });

  it.each([[['dns.example']], [['192.0.2.53:port']], [['192.0.2.53', '']]])('refuses %j as servers', (servers) => {
    const condition = 'bad-dns-servers';
    expect(() => nodeResolver({ servers })).toThrow(expect.objectContaining({ layer: 'usage', condition }));
  });

  it('asks no DNS for the services of localhost (RFC 6761)', async () => {
    expect(await firstValueFrom(nodeResolver().srv('_xmpp-client._tcp.localhost'))).toEqual([]);
  });
});

describe('nodeResolver, addresses', () => {
  it('looks up localhost in the system, with or without servers', async () => {
    for (const asked of [nodeResolver(), resolver()]) {
      expect(await firstValueFrom(asked.addresses('localhost', 4))).toContainEqual({ address: '127.0.0.1', family: 4 });
    }
  });

  it.each<[string, Record<string, DnsAnswer>, 0 | 4 | 6, unknown]>([
    [
      'both families, IPv6 first',
      { 'h.example A': ['192.0.2.1', '192.0.2.2'], 'h.example AAAA': ['2001:db8::1'] },
      0,
      ['2001:db8::1', '192.0.2.1', '192.0.2.2'],
    ],
    ['IPv4 alone', { 'h.example A': ['192.0.2.1'], 'h.example AAAA': ['2001:db8::1'] }, 4, ['192.0.2.1']],
    ['IPv6 alone', { 'h.example A': ['192.0.2.1'], 'h.example AAAA': ['2001:db8::1'] }, 6, ['2001:db8::1']],
    ['one family has none', { 'h.example A': ['192.0.2.1'] }, 0, ['192.0.2.1']],
    ['one family fails', { 'h.example A': ['192.0.2.1'], 'h.example AAAA': 'SERVFAIL' }, 0, ['192.0.2.1']],
    ['one family is silent', { 'h.example A': ['192.0.2.1'], 'h.example AAAA': 'silence' }, 0, ['192.0.2.1']],
    ['the other is silent', { 'h.example A': 'silence', 'h.example AAAA': ['2001:db8::1'] }, 0, ['2001:db8::1']],
    ['none', {}, 0, []],
    ['both fail', { 'h.example A': 'REFUSED', 'h.example AAAA': 'REFUSED' }, 0, { condition: 'dns-refused' }],
    [
      'one fails, the other has none',
      { 'h.example A': [], 'h.example AAAA': 'SERVFAIL' },
      0,
      { condition: 'dns-failure' },
    ],
  ])('%s', async (_, zone, family, expected) => {
    dns.zone = zone;
    const found = await outcome(firstValueFrom(resolver().addresses('h.example', family)));
    if (Array.isArray(expected))
      expect((found as { address: string }[]).map(({ address }) => address)).toEqual(expected);
    else expect(found).toMatchObject(expected as object);
  });

  it('waits for the slower family by the scheduler (RFC 8305 section 3)', async () => {
    dns.zone = { 'h.example A': ['192.0.2.1'], 'h.example AAAA': 'silence' };
    const scheduler = new VirtualTimeScheduler();
    const seen: unknown[] = [];
    const subscription = nodeResolver({ servers: [dns.address], scheduler })
      .addresses('h.example', 0)
      .subscribe((addresses) => seen.push(addresses));
    while (scheduler.actions.length === 0) await new Promise(setImmediate);
    expect(seen).toEqual([]);
    scheduler.flush();
    expect(seen).toEqual([[{ address: '192.0.2.1', family: 4 }]]);
    expect(scheduler.now()).toBe(50);
    subscription.unsubscribe();
  });
});
