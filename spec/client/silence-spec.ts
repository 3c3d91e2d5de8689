import { XmppTimeoutError } from '../../lib/errors/index.js';
import { mute, startTls, type Script } from '../../lib/testing.js';
import type { Timeouts } from '../../lib/transport/transport.js';
import { lifetime, turns, upTo } from '../support/wire.js';
import { watchUnhandled, WireRun } from '../support/wire-run.js';

/** A bound of its own for each phase, so that a timeout tells which one it was. */
const timeouts = {
  connect: 1_000,
  open: 1_100,
  features: 1_200,
  starttls: 1_300,
  tls: 1_400,
  sasl: 1_500,
  bind: 1_600,
  close: 1_700,
  deadline: 1_000_000,
} satisfies Partial<Timeouts>;

const LATENCY = 10;

/** The server falls silent when it is due to speak in this turn. */
const silentAt = (name: string): Script =>
  name === 'handshake'
    ? [upTo(name, { latency: LATENCY }), startTls({ ms: Infinity })]
    : [upTo(name, { latency: LATENCY }), mute()];

describe('D4: silence at every server step (T9, I3)', () => {
  watchUnhandled();

  const rows = turns().map(({ name, phase }, index) => ({ name, phase, since: index * LATENCY }));

  it('covers every phase from open to bind', () => {
    expect([...new Set(rows.map(({ phase }) => phase))].sort()).toEqual(
      ['bind', 'features', 'open', 'sasl', 'starttls', 'tls'].sort(),
    );
  });

  describe.each(rows)('no $name', ({ name, phase, since }) => {
    const due = timeouts[phase as keyof typeof timeouts];

    it(`ends in a timeout of phase ${phase}, exactly at its bound`, () => {
      const run = new WireRun(silentAt(name), { options: { timeouts } });
      run.flush(since + due - 1);
      expect(run.outcome).toBe('pending');
      run.flush(since + due);
      expect(run.outcome).toBe(`timeout timeout (${phase})`);
      expect(run.error).toBeInstanceOf(XmppTimeoutError);
      expect(run.error).toMatchObject({ due, retryable: true });
      run.check().flush();
      run.transport.verify();
    });

    it(`ends at the deadline where that comes first, and names ${phase}`, () => {
      const run = new WireRun(silentAt(name), { options: { timeouts: { ...timeouts, deadline: since + 5 } } });
      run.flush(since + 4);
      expect(run.outcome).toBe('pending');
      run.flush(since + 5);
      expect(run.outcome).toBe(`timeout deadline (${phase})`);
      expect(run.error).toMatchObject({ due: since + 5, retryable: true });
      run.check();
    });

    it('waits for ever where every bound is infinite', () => {
      const never = Object.fromEntries(Object.keys(timeouts).map((key) => [key, Infinity]));
      const run = new WireRun(silentAt(name), { options: { timeouts: never } }).flush();
      expect(run.outcome).toBe('pending');
      run.unsubscribe().check();
    });

    it('is not put off by white space', () => {
      if (name === 'handshake' || name === 'header') return;
      const spaces: Script = Array.from({ length: 100 }, () => [
        { step: 'after', ms: 100 } as const,
        { step: 'reply', replies: [' '] } as const,
      ]);
      const run = new WireRun([upTo(name, { latency: LATENCY }), spaces], { options: { timeouts } });
      run.flush(since + due);
      expect(run.outcome).toBe(`timeout timeout (${phase})`);
      run.check();
    });
  });

  it.each([
    ['connect', { connect: 500 }, 'timeout timeout (connect)'],
    ['deadline', { deadline: 500 }, 'timeout deadline (resolve)'],
  ] as const)('a transport that never connects: %s', (_name, bounds, outcome) => {
    const run = new WireRun([], { transport: { connectDelay: Infinity }, options: { timeouts: bounds } });
    run.flush(499);
    expect(run.outcome).toBe('pending');
    run.flush(500);
    expect(run.outcome).toBe(outcome);
    run.check();
  });

  it('each bound begins anew: a slow server that keeps all of them is served', () => {
    const run = new WireRun(lifetime({ latency: 999 }), { options: { timeouts } }).flush();
    expect([run.outcome, run.scheduler.now()]).toEqual(['online', 12 * 999]);
    run.unsubscribe().check();
  });

  it('leaves no timer once online', () => {
    const run = new WireRun(lifetime({ latency: 10 })).flush(12 * 10);
    expect([run.outcome, run.scheduler.actions.length]).toEqual(['online', 0]);
    expect(run.flush().outcome).toBe('online');
    run.unsubscribe().check();
  });

  it('trickling bytes do not extend a bound', () => {
    const run = new WireRun(lifetime(), {
      options: { timeouts: { ...timeouts, open: 50 } },
      transport: { split: 'every-byte', gap: 1 },
    });
    run.flush(50);
    expect(run.outcome).toBe('timeout timeout (open)');
    run.check();
  });
});
