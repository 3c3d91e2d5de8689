import { BehaviorSubject, type Subscription } from 'rxjs';
import { scramKeyCache, xmppClient, type Phase, type TraceEvent, type XmppClientOptions } from '../../../lib/index.js';
import { seededRandom } from '../../../lib/testing.js';
import type { RealServer } from '../../servers/index.js';
import { TraceAudit } from '../../simulation/trace-audit.js';
import { Violations } from '../../simulation/violations.js';
import { attempt, close, disconnectAll, optionsFor, overDirectTls, overStartTls, soon } from '../support/attempt.js';
import { answering } from '../support/presence.js';
import { expectResources, quietResources } from '../support/resources.js';
import type { Topic } from '../support/topic.js';

/** A thousand at one of them: Prosody becomes slower with each. */
const CHANGES = { prosody: 400, ejabberd: 1_000 };
const LAST = 'the last one';
/** As many lifecycle events as an attempt has at most. */
const EVENTS = 20;

/** Options that change while the client is on its way. */
export const flips: Topic = {
  title: 'changes of options',
  needs: () => ({ users: { observer: 'of all' } }),
  specs: (name, running) => {
    const flipped = CHANGES[name];
    let server: RealServer;
    beforeAll(() => void (server = running()));
    let holding: Subscription | undefined;
    afterEach(() => {
      holding?.unsubscribe();
      disconnectAll();
    });

    it('random changes of options: the last one is online, and nothing of the others is left (I1, I2, T10)', async () => {
      const baseline = await quietResources();
      const random = seededRandom(name === 'prosody' ? 11 : 12);
      const below = (limit: number) => Math.floor(random() * limit);
      const keys = { alice: scramKeyCache(), bob: scramKeyCache() };
      const transports = [overStartTls(server), overDirectTls(server)];
      const optionsOf = (user: 'alice' | 'bob', resource: string): XmppClientOptions =>
        optionsFor(server, user, {
          resource,
          keys: keys[user],
          // STARTTLS has more phases to be cut in.
          transport: transports[random() < 0.75 ? 0 : 1]!,
        });

      const options$ = new BehaviorSubject<XmppClientOptions | null>(null);
      const client = xmppClient(options$);
      const violations = new Violations();
      const audit = new TraceAudit(violations, Infinity);
      const cutIn = new Map<Phase, number>();
      const bound: string[] = [];
      const failures: TraceEvent[] = [];
      let flips = 0;
      let events = 0;
      let next: (() => void) | undefined;

      const lastOnline = new Promise<void>((resolve) => {
        client.trace$.subscribe((event) => {
          audit.see(event);
          if (event.type === 'cancelled') cutIn.set(event.phase, (cutIn.get(event.phase) ?? 0) + 1);
          if (event.type === 'bound') bound.push(event.jid);
          if (event.type === 'failed') failures.push(event);
          // The end of the one before is none of the next one's; and nothing comes after `online`.
          if (event.type === 'cancelled') return;
          if (--events <= 0 || event.type === 'online') next?.();
          if (event.type === 'online' && event.jid.endsWith(LAST)) resolve();
        });
      });

      /** Goes on after so many events of the attempt to come, in their midst or some turns later; or after some turns. */
      const waitThen = (go: () => void, attempted: boolean) => {
        const turns = (left: number): void => void setImmediate(() => (left > 0 ? turns(left - 1) : go()));
        if (!attempted || random() < 0.2) return turns(below(20));
        const atOnce = random() < 0.5;
        // More often early than late: the whole way takes Prosody 60 ms.
        events = 1 + Math.floor(EVENTS * random() ** 2);
        next = () => {
          next = undefined;
          if (atOnce) go();
          else turns(below(3));
        };
      };
      const done = new Promise<void>((resolve) => {
        const flip = () => {
          if (flips === flipped) return resolve();
          const resource = `flip-${flips++}`;
          const value = random() < 0.1 ? null : optionsOf(random() < 0.5 ? 'alice' : 'bob', resource);
          waitThen(flip, value !== null);
          options$.next(value);
        };
        flip();
      });

      holding = client.connect();
      await soon(done, 'the last change', () => `after ${flips}`, 90_000);
      options$.next(optionsOf('alice', LAST));
      await soon(lastOnline, 'the last one');

      expect(failures).toEqual([]);
      expect(client.session?.jid.toString()).toBe(`alice@localhost/${LAST}`);
      expect(client.session?.jid.toString()).toBe(bound.at(-1));
      for (const phase of ['connect', 'open', 'features', 'starttls', 'tls', 'sasl', 'bind', 'online'] as const) {
        expect([phase, cutIn.get(phase) ?? 0]).not.toEqual([phase, 0]);
      }

      // Somebody else asks the server who is there: also where it bound a resource that nobody waited for any more.
      const observer = await attempt(optionsFor(server, 'observer')).online();
      const all = ['alice', 'bob'].flatMap((user) =>
        Array.from({ length: flipped }, (_, flip) => `${user}@localhost/flip-${flip}`),
      );
      expect(await answering(observer, [...all, `alice@localhost/${LAST}`])).toEqual([`alice@localhost/${LAST}`]);

      options$.complete();
      await close(client.session!);
      holding.unsubscribe();
      await close(observer);
      audit.finish();
      expect(violations.list).toEqual([]);
      expect(options$.observed).toBe(false);
      await expectResources(baseline);
    });
  },
};
