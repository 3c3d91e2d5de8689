import fc from 'fast-check';
import type { Subscription } from 'rxjs';
import { xmppClient } from '../../lib/client/xmpp-client.js';
import { XmppError } from '../../lib/errors/index.js';
import { memoryTransport, seededRandom, SeededScheduler, XmppServer, type ServerFault } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { must, subject } from './subject.js';

/** What happens to a client, one thing after the other. */
type Happening =
  | {
      readonly does:
        | 'deliver'
        | 'ask'
        | 'hold'
        | 'let go'
        | 'close'
        | 'cut'
        | 'stall'
        | 'heal'
        | 'reset'
        | 'shutdown'
        | 'wake'
        | 'retry'
        | 'say'
        | 'garbage';
    }
  | { readonly does: 'pass'; readonly ms: number }
  | { readonly does: 'fault'; readonly fault: ServerFault };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...(['deliver', 'deliver', 'ask', 'hold', 'hold', 'let go', 'say'] as const))
      .map((does) => ({ does })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...(['close', 'cut', 'stall', 'heal', 'reset', 'shutdown', 'wake', 'retry', 'garbage'] as const))
      .map((does) => ({ does })),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(0, 1, 10, 100, 1_000, 5_000, 30_000).map((ms) => ({ does: 'pass' as const, ms })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        at: fc.constantFrom('header', 'features', 'sasl', 'bind', 'enable', 'resume') as fc.Arbitrary<never>,
        do: fc.constantFrom('mute', 'cut') as fc.Arbitrary<never>,
        times: fc.constant(1),
      })
      .map((fault) => ({ does: 'fault' as const, fault: fault as unknown as ServerFault })),
  },
);

/** A client over the server in memory: whatever happens, everything settles once, and nothing is left. */
export const sequences = subject<{ seed: number; happenings: Happening[] }>({
  name: 'client: sequences of sends, losses, faults and time',
  given: fc.record({
    seed: fc.nat({ max: 1_000_000 }),
    happenings: fc.array(happening, { minLength: 3, maxLength: 14 }),
  }),
  holds: ({ seed, happenings }) => {
    const time = new SeededScheduler(seededRandom(seed));
    const timers = time.party();
    const server = new XmppServer({
      domain: 'example.org',
      accounts: { alice: 'wonder' },
      mechanisms: ['EXTERNAL'],
      scheduler: time.party(),
      random: seededRandom(seed + 1),
    });
    const link = memoryTransport(server, {
      scheduler: time.party(),
      latency: 5,
      security: 'direct',
      clientIdentities: ['alice'],
    });
    const client = xmppClient({
      jid: 'alice@example.org',
      credentials: { external: true },
      transport: link,
      scheduler: timers,
      random: seededRandom(seed + 2),
    });
    const attempts = new Map<number, string>();
    const watching = client.trace$.subscribe(({ type, attempt }) => {
      must(!attempts.has(attempt), `${type} of attempt ${attempt} after its end: ${attempts.get(attempt)}`);
      for (const other of attempts.keys()) must(other <= attempt, `${type} of attempt ${attempt} after ${other}`);
      if (['closed', 'failed', 'cancelled'].includes(type)) attempts.set(attempt, type);
    });
    const settled: number[] = [];
    const open: Subscription[] = [];
    const holds: Subscription[] = [];
    const untyped: unknown[] = [];
    const follow = (source: { subscribe(observer: object): Subscription }) => {
      const index = settled.push(0) - 1;
      open.push(
        source.subscribe({
          error: (error: unknown) => {
            settled[index]!++;
            if (!(error instanceof XmppError)) untyped.push(error);
          },
          complete: () => settled[index]!++,
        }),
      );
    };
    for (const one of happenings) {
      switch (one.does) {
        case 'pass':
          time.runUntil(time.now() + one.ms);
          break;
        case 'fault':
          server.fault(one.fault);
          break;
        case 'deliver':
          follow(client.deliver(xml('message', { to: 'echo@example.org' }, xml('body', {}, String(settled.length)))));
          break;
        case 'ask':
          follow(client.iq('get', xml('ping', { xmlns: NS.ping })));
          break;
        case 'hold':
          holds.push(client.stanza$.subscribe({ error: () => undefined }));
          break;
        case 'let go':
          holds.pop()?.unsubscribe();
          break;
        case 'close':
          open.push(client.close().subscribe({ error: () => undefined }));
          break;
        case 'cut':
          link.cut();
          break;
        case 'stall':
          link.stall();
          break;
        case 'heal':
          link.heal();
          break;
        case 'reset':
          server.disconnect(undefined);
          break;
        case 'shutdown':
          server.disconnect(undefined, 'system-shutdown');
          break;
        case 'say':
          server.send('alice@example.org', xml('message', { from: 'bob@example.org' }, xml('body', {}, 'x')));
          break;
        case 'garbage':
          server.write('alice@example.org', '<!-- -->');
          break;
        case 'wake':
          client.wake();
          break;
        case 'retry':
          client.retryNow();
          break;
      }
    }
    // All that is still asked for settles on its own, whatever the network does.
    link.heal();
    server.clearFaults();
    time.runUntil(time.now() + 600_000);
    must(untyped.length === 0, `untyped: ${String(untyped[0])}`);
    must(
      settled.every((times) => times === 1),
      `settled ${settled.join(', ')} times`,
    );
    for (const subscription of [...holds, ...open]) subscription.unsubscribe();
    time.runUntil(time.now() + 600_000);
    must(link.open === 0, `${link.open} connections still held`);
    must(timers.pending === 0, `${timers.pending} timers still run`);
    must(client.session === undefined, 'a session that nobody holds');
    watching.unsubscribe();
  },
});
