import { map, NEVER, Observable, startWith, Subject, switchMap, take } from 'rxjs';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import type { XmppOptions } from '../../lib/client/options.js';
import { mute, reply, startTls, type Script } from '../../lib/testing.js';
import type { Connection, Transport } from '../../lib/transport/transport.js';
import { FOOTER, lifetime, turns, upTo } from '../support/wire.js';
import { replayCrypto, watchUnhandled, WireRun, type WireInit } from '../support/wire-run.js';

const LATENCY = 10;
const TURNS = turns().map(({ name, phase }) => ({ name, phase }));

const waitingAt = (name: string): Script =>
  name === 'handshake'
    ? [upTo(name, { latency: LATENCY }), startTls({ ms: Infinity })]
    : [upTo(name, { latency: LATENCY }), mute()];

/** Everything that was told must stay as it is, whatever comes later. */
function expectSilence(run: WireRun): void {
  const told = [...run.told];
  run.check({ secrets: false });
  run.flush();
  expect(run.told).toEqual(told);
}

/** How many tasks of the scheduler it takes to come online. */
function stepsOf(init: WireInit): number {
  const run = new WireRun(lifetime({ latency: LATENCY }), init);
  let steps = 0;
  while (run.outcome === 'pending' && run.step()) steps++;
  expect(run.outcome).toBe('online');
  run.unsubscribe();
  return steps;
}

describe('a stale attempt (T10, D1-D4, D8, I1, I2)', () => {
  watchUnhandled();

  describe('unsubscribed', () => {
    it.each(TURNS)('while waiting for: $name', ({ name, phase }) => {
      const run = new WireRun(waitingAt(name)).flush(TURNS.length * LATENCY);
      expect(run.outcome).toBe('pending');
      const told = run.told.length;
      run.unsubscribe();
      expect(run.told.slice(told)).toEqual(['cancelled']);
      expect(run.trace.at(-1)).toMatchObject({ phase });
      // A stream that is open is closed in parting; one that was given over to TLS is no stream any more.
      expect(run.sent.endsWith(FOOTER)).toBe(phase !== 'tls');
      expectSilence(run);
    });

    it('before the transport has connected', () => {
      const run = new WireRun([], { transport: { connectDelay: 50 } }).flush(49);
      run.unsubscribe();
      expect(run.told).toEqual(['cancelled']);
      expectSilence(run);
    });

    it('while online, and while closing', () => {
      const online = new WireRun([lifetime(), mute()]).flush(0).unsubscribe();
      expect(online.sent.endsWith(`session'/></iq>${FOOTER}`)).toBe(true);
      expectSilence(online);

      const closing = new WireRun([lifetime(), mute()], { use: (session) => void session.close().subscribe() }).flush(
        0,
      );
      expect(closing.told.slice(-3)).toEqual(['online', 'next', 'closing']);
      closing.unsubscribe();
      expect(closing.sent.endsWith(FOOTER + FOOTER)).toBe(false);
      expectSilence(closing);
    });

    const cuts: Record<string, WireInit & { stride: number }> = {
      'after each task of the scheduler': { stride: 1 },
      'after each byte of the server': { transport: { split: 'every-byte', gap: 1 }, stride: 13 },
    };
    it.each(Object.entries(cuts))('%s', (_name, { stride, ...init }) => {
      const total = stepsOf(init);
      for (let steps = 0; steps <= total; steps += stride) {
        const run = new WireRun(lifetime({ latency: LATENCY }), init);
        for (let step = 0; step < steps; step++) run.step();
        run.unsubscribe();
        expectSilence(run);
      }
    });

    it('from within each lifecycle event', () => {
      for (let index = 0; ; index++) {
        let count = 0;
        const run = new WireRun(lifetime(), {
          onTrace: (_event, own) => {
            if (count++ === index) own.unsubscribe();
          },
        }).flush(0);
        if (count <= index) {
          run.unsubscribe();
          break;
        }
        expect(run.told).toHaveLength(index + 2);
        expectSilence(run);
      }
    });

    it('from within what is emitted: take(1) disconnects', () => {
      const run = new WireRun(lifetime(), { client: (options) => xmppStream(options).pipe(take(1)) }).flush(0);
      expect(run.told.slice(-4)).toEqual(['online', 'next', 'complete', 'cancelled']);
      expect(run.transport.open).toBe(0);
      expect(run.scheduler.actions).toHaveLength(0);
      expect(run.sent.endsWith(FOOTER)).toBe(true);
    });

    it('while keys are being derived: what the platform computes in vain is thrown away', () => {
      const key$ = new Subject<Uint8Array>();
      const crypto = { ...replayCrypto, pbkdf2: () => key$ };
      const run = new WireRun(lifetime(), { options: { crypto } }).flush(0);
      expect(key$.observed).toBe(true);
      run.unsubscribe();
      expect(key$.observed).toBe(false);
      expectSilence(run);
      expect(run.sent).not.toContain('<response');
    });
  });

  describe('replaced through options$.pipe(switchMap(xmppStream))', () => {
    /** The first attempt, replaced when it has come so far; tells the events of both, each with its number. */
    function replaced(first: Script, advance: (run: WireRun) => void, init: WireInit = {}) {
      const told: string[] = [];
      const options$ = new Subject<XmppOptions>();
      const labelled = (options: XmppOptions, label: number): XmppOptions => ({
        ...options,
        trace: ({ type }) => told.push(`${label} ${type}`),
      });
      const second = new WireRun(lifetime());
      second.unsubscribe();
      const run = new WireRun(first, {
        ...init,
        client: (options) => options$.pipe(startWith(labelled(options, 1)), switchMap(xmppStream)),
      });
      advance(run);
      options$.next(labelled({ ...run.options, transport: second.options.transport }, 2));
      return { run, told, first: run.transport, second: second.transport };
    }

    const ATTEMPT_2 = new RegExp('^2 opening .* 2 online$');

    const expectHandover = (told: string[]) => {
      const text = told.join(' ');
      const [before, after] = text.split('1 cancelled ');
      expect(before).not.toMatch(/2 |cancelled|failed|closed/);
      expect(after).toMatch(ATTEMPT_2);
      expect(after).not.toMatch(/1 |cancelled|failed|closed/);
    };

    it.each(TURNS)('while waiting for: $name', ({ name }) => {
      const { run, told, first, second } = replaced(waitingAt(name), (waiting) =>
        waiting.flush(TURNS.length * LATENCY),
      );
      expect([first.open, second.open]).toEqual([0, 1]);
      run.flush();
      expectHandover(told);
      run.subscription.unsubscribe();
      expect([second.open, run.scheduler.actions.length]).toEqual([0, 0]);
    });

    it.each([
      ['looked up and dialled', { connectDelay: 50 }],
      ['a dial that never ends', { connectDelay: Infinity }],
    ])('while the transport is at work: %s', (_name, transport) => {
      // What it finds comes late, and to nobody.
      const { run, told, first, second } = replaced(lifetime(), (waiting) => waiting.flush(49), { transport });
      run.flush(1_000);
      expect(told.join(' ')).toMatch(/^1 cancelled 2 opening .* 2 online$/);
      expect([first.open, second.open, first.sent]).toEqual([0, 1, '']);
      run.subscription.unsubscribe();
      expect([second.open, run.scheduler.actions.length]).toEqual([0, 0]);
    });

    it('after each task of the scheduler', () => {
      const total = stepsOf({});
      for (let steps = 0; steps <= total; steps++) {
        const { run, told, first, second } = replaced(lifetime({ latency: LATENCY }), (going) => {
          for (let step = 0; step < steps; step++) going.step();
        });
        run.flush();
        expectHandover(told);
        expect([first.open, second.open]).toEqual([0, 1]);
        run.subscription.unsubscribe();
        expect([second.open, run.scheduler.actions.length]).toEqual([0, 0]);
      }
    });

    it('nothing that was meant for the first session goes out on the second (D8)', () => {
      const reply$ = new Subject<undefined>();
      const asked = `<iq type='get' id='q' from='example.org'><query xmlns='urn:example'/></iq>`;
      const { run, second } = replaced([lifetime(), reply(asked)], (going) => going.flush(0), {
        use: (session) => void session.handle('get', 'urn:example', () => reply$),
      });
      run.flush();
      expect(run.sessions).toHaveLength(2);
      expect(reply$.observed).toBe(false);
      reply$.next(undefined);
      expect(() => run.sessions[0]!.send(run.sessions[0]!.features)).toThrow('session-lost');
      run.flush();
      expect(second.sent).not.toContain(`id='q'`);
      run.subscription.unsubscribe();
    });
  });

  describe('what a transport does too late', () => {
    it("a connection that opens after the attempt was given up is nobody's", () => {
      let open!: (connection: Connection) => void;
      const transport = {
        name: 'late',
        connect: () =>
          new Observable<Connection>((subscriber) => {
            open = (connection) => subscriber.next(connection);
          }),
      };
      const run = new WireRun([], { options: { transport } });
      run.unsubscribe();
      const write = jest.fn();
      open({
        framing: 'stream',
        tls: undefined,
        input$: NEVER,
        bytesReceived: 0,
        bytesSent: 0,
        bufferedBytes: 0,
        write,
        end: write,
      });
      expect(write).not.toHaveBeenCalled();
      expect(run.told).toEqual(['cancelled']);
    });

    it.each(TURNS)('input is let go of at once: $name', ({ name }) => {
      let observed = 0;
      const spy = (connection: Connection): Connection => {
        const input$ = new Observable<Uint8Array | string>((subscriber) => {
          observed++;
          subscriber.add(() => observed--);
          return connection.input$.subscribe(subscriber);
        });
        const startsTls = connection.startTls && (() => connection.startTls!().pipe(map(spy)));
        return new Proxy(connection, {
          get: (target, key) => {
            if (key === 'input$') return input$;
            if (key === 'startTls') return startsTls;
            const value: unknown = Reflect.get(target, key);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      };
      const run = new WireRun(waitingAt(name), {
        client: (options) => {
          const connect: Transport['connect'] = (context) => options.transport.connect(context).pipe(map(spy));
          return xmppStream({ ...options, transport: { name: 'spied', connect } });
        },
      }).flush(TURNS.length * LATENCY);
      expect([run.outcome, observed]).toEqual(['pending', name === 'handshake' ? 0 : 1]);
      run.unsubscribe();
      expect(observed).toBe(0);
      expectSilence(run);
    });
  });
});
