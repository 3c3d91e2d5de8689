import { of, throwError, type Observable } from 'rxjs';
import { cases, marbles } from 'rxjs-marbles/jest';
import { TransportError } from '../../lib/errors/transport-error.js';
import type { XmppError } from '../../lib/errors/xmpp-error.js';
import type { Target } from '../../lib/trace/lifecycle-event.js';
import type { DnsResolver, SrvRecord } from '../../lib/transport/dns-resolver.js';
import { MAX_TARGETS, resolveTargets } from '../../lib/transport/resolve-targets.js';
import type { TlsPolicy } from '../../lib/transport/transport.js';
import { connectContext, traceLines } from '../support/connect-context.js';

const srv = (name: string, port = 5222, priority = 1, weight = 0): SrvRecord => ({ name, port, priority, weight });
const failed = (condition: 'dns-failure' | 'dns-refused') =>
  throwError(() => new TransportError({ condition, phase: 'resolve' }));

type Zone = Record<'_xmpps-client' | '_xmpp-client', readonly SrvRecord[] | Observable<readonly SrvRecord[]>>;

const asked: string[] = [];
const resolverOf = (zone: Partial<Zone>): DnsResolver => ({
  srv: (name) => {
    asked.push(name);
    const answer = zone[name.split('.')[0] as keyof Zone] ?? [];
    return Array.isArray(answer) ? of(answer as readonly SrvRecord[]) : (answer as Observable<readonly SrvRecord[]>);
  },
  addresses: () => throwError(() => new Error('no address is to be looked up yet')),
});

const line = ({ host, port, security }: Target) => `${host}:${port} ${security}`;

beforeEach(() => (asked.length = 0));

interface Case {
  readonly zone: Partial<Zone>;
  readonly security?: Target['security'];
  readonly tls?: TlsPolicy;
  readonly domain?: string;
  readonly random?: number;
  /** Targets, or the error's `condition` and whether it is retryable. */
  readonly result: readonly string[] | [condition: string, retryable: boolean];
}

const dot = [srv('.', 0)];
/** How Node gives the same. */
const emptyName = [srv('', 0)];
const fallback = ['example.org:5222 starttls'];
const both = { '_xmpps-client': [srv('s.example', 5223)], '_xmpp-client': [srv('c.example')] };

describe('resolveTargets (T7)', () => {
  it.each<[string, Case]>([
    ['both services', { zone: both, result: ['s.example:5223 direct', 'c.example:5222 starttls'] }],
    [
      'both services as one set, by priority (XEP-0368)',
      {
        zone: {
          '_xmpps-client': [srv('s1', 443, 5), srv('s2', 5223, 30)],
          '_xmpp-client': [srv('c1', 5222, 10), srv('c2', 5222, 1)],
        },
        result: ['c2:5222 starttls', 's1:443 direct', 'c1:5222 starttls', 's2:5223 direct'],
      },
    ],
    [
      'both services as one set, by weight (XEP-0368)',
      {
        zone: { '_xmpps-client': [srv('s', 5223, 1, 10)], '_xmpp-client': [srv('c', 5222, 1, 90)] },
        random: 0.5,
        result: ['c:5222 starttls', 's:5223 direct'],
      },
    ],
    ['only _xmpps-client', { zone: { '_xmpps-client': [srv('s', 443)] }, result: ['s:443 direct'] }],
    ['only _xmpp-client', { zone: { '_xmpp-client': [srv('c')] }, result: ['c:5222 starttls'] }],
    [
      'a trailing dot is no part of a host',
      { zone: { '_xmpp-client': [srv('c.example.')] }, result: ['c.example:5222 starttls'] },
    ],
    [
      'the same target twice is dialled once',
      {
        zone: { '_xmpp-client': [srv('c'), srv('C.', 5222, 2), srv('c', 5223, 3)] },
        result: ['c:5222 starttls', 'c:5223 starttls'],
      },
    ],
    [
      'no name is no target, whatever its port',
      { zone: { '_xmpp-client': [srv(''), srv('.'), srv('d')] }, result: ['d:5222 starttls'] },
    ],
    [
      'a port that no host has is no target',
      { zone: { '_xmpp-client': [srv('c', 65_536), srv('d', 65_535)] }, result: ['d:65535 starttls'] },
    ],
    ['port 0 is no target', { zone: { '_xmpp-client': [srv('c', 0), srv('d')] }, result: ['d:5222 starttls'] }],

    ['no records at all: the domain itself, port 5222, and nothing else', { zone: {}, result: fallback }],
    ['`.` for direct TLS', { zone: { '_xmpps-client': dot, '_xmpp-client': [srv('c')] }, result: ['c:5222 starttls'] }],
    ['`.` for STARTTLS', { zone: { '_xmpps-client': [srv('s', 443)], '_xmpp-client': dot }, result: ['s:443 direct'] }],
    ['`.` for both', { zone: { '_xmpps-client': dot, '_xmpp-client': dot }, result: ['dns-not-offered', false] }],
    [
      '`.` as Node gives it',
      { zone: { '_xmpps-client': emptyName, '_xmpp-client': emptyName }, result: ['dns-not-offered', false] },
    ],
    [
      '`.` beside no records is no reason for a fallback',
      { zone: { '_xmpp-client': dot }, result: ['dns-not-offered', false] },
    ],
    [
      '`.` for direct TLS beside no records, too',
      { zone: { '_xmpps-client': dot }, result: ['dns-not-offered', false] },
    ],
    ['`.` among others is no target', { zone: { '_xmpp-client': [...dot, srv('c')] }, result: ['c:5222 starttls'] }],

    [
      'a failure of one is no matter where the other has records',
      { zone: { '_xmpps-client': failed('dns-failure'), '_xmpp-client': [srv('c')] }, result: ['c:5222 starttls'] },
    ],
    [
      'a failure of the other, too',
      { zone: { '_xmpps-client': [srv('s', 443)], '_xmpp-client': failed('dns-failure') }, result: ['s:443 direct'] },
    ],
    [
      'a failure beside no records: no fallback, since nobody knows',
      { zone: { '_xmpp-client': failed('dns-failure') }, result: ['dns-failure', true] },
    ],
    [
      'a failure beside no records the other way round',
      { zone: { '_xmpps-client': failed('dns-refused') }, result: ['dns-refused', true] },
    ],
    [
      'a failure beside `.`',
      { zone: { '_xmpps-client': dot, '_xmpp-client': failed('dns-refused') }, result: ['dns-refused', true] },
    ],
    [
      'both fail',
      {
        zone: { '_xmpps-client': failed('dns-failure'), '_xmpp-client': failed('dns-refused') },
        result: ['dns-refused', true],
      },
    ],
    [
      'a resolver that errs in its own words',
      { zone: { '_xmpp-client': throwError(() => new Error('boom')) }, result: ['dns-failure', true] },
    ],
    ['a resolver that says nothing', { zone: { '_xmpp-client': of() }, result: ['dns-failure', true] }],

    ['direct TLS alone', { zone: both, security: 'direct', result: ['s.example:5223 direct'] }],
    [
      'direct TLS alone, without records',
      { zone: { '_xmpp-client': [srv('c')] }, security: 'direct', result: ['dns-not-offered', false] },
    ],
    [
      'direct TLS alone, `.`',
      { zone: { ...both, '_xmpps-client': dot }, security: 'direct', result: ['dns-not-offered', false] },
    ],
    ['STARTTLS alone', { zone: both, security: 'starttls', result: ['c.example:5222 starttls'] }],
    [
      'STARTTLS alone, without records',
      { zone: { '_xmpps-client': [srv('s')] }, security: 'starttls', result: fallback },
    ],
    ['no TLS', { zone: both, security: 'none', result: ['c.example:5222 none'] }],
    ["the policy 'disabled' asks for no TLS", { zone: both, tls: 'disabled', result: ['c.example:5222 none'] }],
    ["the policy 'disabled', without records", { zone: {}, tls: 'disabled', result: ['example.org:5222 none'] }],
    [
      "the policy 'preferred' asks for both",
      { zone: both, tls: 'preferred', result: ['s.example:5223 direct', 'c.example:5222 starttls'] },
    ],

    ['an IPv4 address as domain', { zone: both, domain: '192.0.2.1', result: ['192.0.2.1:5222 starttls'] }],
    ['an IPv6 address as domain', { zone: both, domain: '[2001:db8::1]', result: ['2001:db8::1:5222 starttls'] }],
  ])('%s', (_, { zone, security, tls, domain, random = 0, result }) => {
    const context = connectContext({ tls, domain: domain ?? 'example.org', random: () => random });
    let seen: unknown;
    resolveTargets(resolverOf(zone), { ...context, tls: tls ?? 'required' }, security).subscribe({
      next: (targets) => (seen = targets.map(line)),
      error: (error: XmppError) => {
        expect(error.phase).toBe('resolve');
        seen = [error.condition, error.retryable];
      },
    });
    expect(seen).toEqual(result);
  });

  it('asks for both services at the same time', () => {
    resolveTargets(resolverOf(both), connectContext()).subscribe();
    expect(asked).toEqual(['_xmpps-client._tcp.example.org', '_xmpp-client._tcp.example.org']);
  });

  it('asks nothing for an IP address, and for no service that is not wanted', () => {
    resolveTargets(resolverOf(both), connectContext({ domain: '192.0.2.1' })).subscribe();
    resolveTargets(resolverOf(both), connectContext({ tls: 'disabled' })).subscribe();
    resolveTargets(resolverOf(both), connectContext(), 'direct').subscribe();
    expect(asked).toEqual(['_xmpp-client._tcp.example.org', '_xmpps-client._tcp.example.org']);
  });

  it('asks for direct TLS at an IP address too, since no port is assigned to it', () => {
    let error: unknown;
    resolveTargets(resolverOf({}), connectContext({ domain: '192.0.2.1' }), 'direct').subscribe({
      error: (reason) => (error = reason),
    });
    expect(asked).toEqual(['_xmpps-client._tcp.192.0.2.1']);
    expect(error).toMatchObject({ condition: 'dns-not-offered' });
  });

  it.each<[string, Partial<Zone>, Target['security'] | undefined, RegExp]>([
    ['no service', { '_xmpp-client': dot }, undefined, /example\.org .*XMPP service/],
    ['no direct TLS', { '_xmpps-client': dot }, 'direct', /example\.org .*direct TLS/],
    ['no record of direct TLS', {}, 'direct', /example\.org .*_xmpps-client/],
    [
      'a failure',
      { '_xmpp-client': throwError(() => new Error('boom')) },
      undefined,
      /_xmpp-client\._tcp\.example\.org/,
    ],
  ])('tells of what there is not: %s', (_, zone, security, text) => {
    let error: unknown;
    resolveTargets(resolverOf(zone), connectContext(), security).subscribe({ error: (reason) => (error = reason) });
    expect((error as XmppError).text).toMatch(text);
  });

  it('keeps to 32 of a thousand targets', () => {
    const records = Array.from({ length: 1000 }, (_, index) => srv(`host-${index}`, 5222, 1, index % 7));
    const seen: Target[] = [];
    resolveTargets(resolverOf({ '_xmpp-client': records }), connectContext({ random: () => 0.5 })).subscribe(
      (targets) => seen.push(...targets),
    );
    expect(seen).toHaveLength(MAX_TARGETS);
    expect(new Set(seen.map(line)).size).toBe(MAX_TARGETS);
  });

  it('traces what is looked up and what was found', () => {
    const { trace, lines } = traceLines();
    resolveTargets(resolverOf(both), connectContext({ trace })).subscribe();
    expect(lines).toEqual(['resolving', 'resolved']);
  });

  describe('in time', () => {
    interface Timed {
      readonly xmpps: string;
      readonly xmpp: string;
      readonly result: string;
      readonly unsub?: string;
      readonly subs: readonly [string, string];
    }

    cases(
      'look-ups within 5',
      (m, { xmpps, xmpp, result, unsub, subs }: Timed) => {
        const records = { r: [srv('c')], s: [srv('s', 443)], e: [] };
        const queries = [m.cold(xmpps, records), m.cold(xmpp, records)] as const;
        const resolver = resolverOf({ '_xmpps-client': queries[0], '_xmpp-client': queries[1] });
        const context = connectContext({ scheduler: m.scheduler, timeouts: { resolve: 5 } });
        const targets$ = resolveTargets(resolver, context);
        const values = {
          r: [{ host: 'c', port: 5222, security: 'starttls' }],
          s: [{ host: 's', port: 443, security: 'direct' }],
          f: [{ host: 'example.org', port: 5222, security: 'starttls' }],
        };
        const late = { name: 'XmppTimeoutError', message: expect.stringContaining('timeout (resolve): no DNS server') };
        m.expect(targets$, unsub ?? null!).toBeObservable(result, values as never, late);
        queries.forEach((query, index) => m.expect(query).toHaveSubscriptions(subs[index]!));
      },
      {
        'both answer: the later one is waited for': {
          xmpps: '-(e|)',
          xmpp: '---(r|)',
          result: '---(r|)',
          subs: ['^!', '^--!'],
        },
        'one is silent: the other is used once its time is over': {
          xmpps: '-',
          xmpp: '-(r|)',
          result: '-----(r|)',
          subs: ['^----!', '^!'],
        },
        'the other is silent': { xmpps: '-(s|)', xmpp: '-', result: '-----(s|)', subs: ['^!', '^----!'] },
        'one is silent, the other has none: no fallback': {
          xmpps: '-',
          xmpp: '-(e|)',
          result: '-----#',
          subs: ['^----!', '^!'],
        },
        'both are silent': { xmpps: '-', xmpp: '-', result: '-----#', subs: ['^----!', '^----!'] },
        'unsubscribing gives both queries up (D2, D3)': {
          xmpps: '-',
          xmpp: '---(r|)',
          result: '---',
          unsub: '^-!',
          subs: ['^-!', '^-!'],
        },
      } as Record<string, Timed>,
    );

    it(
      'leaves no timer after an answer (D2)',
      marbles((m) => {
        const resolver = resolverOf({ '_xmpp-client': m.cold('-(r|)', { r: [srv('c')] }) });
        const context = connectContext({ scheduler: m.scheduler, timeouts: { resolve: 50 } });
        resolveTargets(resolver, context).subscribe();
        m.flush();
        expect(m.scheduler.actions).toHaveLength(0);
        expect(m.scheduler.now()).toBeLessThan(50);
      }),
    );
  });
});
