import { VirtualTimeScheduler } from 'rxjs';
import { xmppStream, type Session, type XmppError, type XmppOptions } from '../../../lib/index.js';
import {
  SeededScheduler,
  seededRandom,
  simulatedNetwork,
  XmppServer,
  type SimulatedNetworkOptions,
} from '../../../lib/testing.js';
import { replayCrypto } from '../../support/wire-run.js';

const server = () => new XmppServer({ domain: 'example.org', accounts: { alice: 'wonder' } });

function attempt(network: SimulatedNetworkOptions, options: Partial<XmppOptions> = {}) {
  const scheduler = new VirtualTimeScheduler();
  const transport = simulatedNetwork(network);
  const told: { session?: Session; error?: XmppError; at?: number } = {};
  const subscription = xmppStream({
    jid: 'alice@example.org',
    credentials: { password: 'wonder' },
    transport,
    scheduler,
    crypto: replayCrypto,
    random: () => 0.5,
    keepAlive: false,
    ...options,
  }).subscribe({
    next: (session) => Object.assign(told, { session, at: scheduler.now() }),
    error: (error: XmppError) => Object.assign(told, { error, at: scheduler.now() }),
  });
  scheduler.maxFrames = 120_000;
  scheduler.flush();
  return { told, transport, subscription, scheduler };
}

const SRV = '_xmpp-client._tcp.example.org';
const TLS = '_xmpps-client._tcp.example.org';

describe('simulatedNetwork', () => {
  it('looks the domain up and tries its servers in turn', () => {
    const { told, transport, subscription } = attempt({
      zone: {
        [SRV]: [
          { name: 'a.example.org', port: 5222 },
          { name: 'b.example.org', port: 5269, priority: 1 },
        ],
      },
      hosts: { 'a.example.org:5222': 'refused', 'b.example.org:5269': server() },
      latency: 20,
    });
    expect(transport.dialled).toEqual(['a.example.org:5222', 'b.example.org:5269']);
    expect(told.session?.jid.bare().toString()).toBe('alice@example.org');
    // A round trip for the DNS and one for the refusal, then some for the stream.
    expect(told.at).toBeGreaterThan(4 * 20);
    expect(transport.open).toBe(1);
    subscription.unsubscribe();
    expect(transport.open).toBe(0);
  });

  it('knows direct TLS by its records', () => {
    const { told } = attempt({
      zone: { [TLS]: [{ name: 'a.example.org', port: 5223 }] },
      hosts: { 'a.example.org:5223': server() },
    });
    expect(told.session).toBeDefined();
  });

  it('falls back to the domain itself', () => {
    const { transport } = attempt({ hosts: { 'example.org:5222': { server: server(), latency: 5 } } });
    expect(transport.dialled).toEqual(['example.org:5222']);
  });

  it.each([
    ['not offered', { zone: { [SRV]: [{ name: '.', port: 0 }] } }, 'dns-not-offered'],
    ['SERVFAIL', { zone: { [SRV]: 'fails' } }, 'dns-failure'],
    ['REFUSED', { zone: { [SRV]: 'refused' }, latency: 5 }, 'dns-refused'],
    ['a silent DNS', { zone: { [SRV]: 'silent', [TLS]: 'silent' } }, 'timeout'],
    ['nobody', {}, 'host-unreachable'],
    ['a refusal', { hosts: { 'example.org:5222': 'refused' } }, 'connection-refused'],
    ['a black hole', { hosts: { 'example.org:5222': 'silent' } }, 'timeout'],
    [
      'several refusals',
      {
        zone: {
          [SRV]: [
            { name: 'a', port: 1 },
            { name: 'b', port: 1 },
          ],
        },
        hosts: { 'a:1': 'refused' },
      },
      'all-targets-failed',
    ],
  ] as [string, Partial<SimulatedNetworkOptions>, string][])('%s: %s', (_what, network, condition) => {
    const { told, transport, scheduler } = attempt({ hosts: {}, ...network });
    expect(told.error?.condition).toBe(condition);
    expect([transport.open, scheduler.actions.length]).toEqual([0, 0]);
  });

  it('cuts and stalls what is connected', () => {
    const { told, transport, scheduler } = attempt(
      { hosts: { 'example.org:5222': server() } },
      { keepAlive: { idle: 1_000, timeout: 500 } },
    );
    expect(told.session).toBeDefined();
    transport.cut('elsewhere:1');
    expect(told.error).toBeUndefined();
    transport.stall();
    transport.heal('example.org:5222');
    transport.cut('example.org:5222');
    scheduler.maxFrames = Infinity;
    scheduler.flush();
    expect(told.error?.condition).toBe('connection-reset');
    expect(transport.open).toBe(0);
  });

  it('runs in seeded time, the same way for the same seed', () => {
    const run = (seed: number) => {
      const time = new SeededScheduler(seededRandom(seed));
      const random = seededRandom(seed + 1);
      const events: string[] = [];
      const host = { server: server(), latency: () => Math.floor(random() * 50) };
      const subscription = xmppStream({
        jid: 'alice@example.org',
        credentials: { password: 'wonder' },
        transport: simulatedNetwork({ hosts: { 'example.org:5222': host } }),
        scheduler: time.party(),
        crypto: replayCrypto,
        random,
        trace: ({ type, time: at }) => events.push(`${at} ${type}`),
      }).subscribe();
      time.runUntil(5_000);
      subscription.unsubscribe();
      return events;
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1).some((event) => event.endsWith(' online'))).toBe(true);
    expect(run(1)).not.toEqual(run(2));
  });
});
