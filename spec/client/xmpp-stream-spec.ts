import { BOUND, lifetime } from '../support/wire.js';
import { replay, watchUnhandled, WireRun } from '../support/wire-run.js';

describe('xmppStream', () => {
  watchUnhandled();

  it('comes online however the bytes are cut', () => {
    replay(
      lifetime,
      {},
      (run) => {
        expect(run.told.join(' ')).toBe(
          'opening opened features starting-tls securing secured opening opened features authenticating authenticated ' +
            'opening opened features binding bound online next',
        );
        expect(run.session.jid.toString()).toBe(BOUND);
        expect(run.session.bytes).toEqual({ received: run.received, sent: Buffer.byteLength(run.sent) });
        run.transport.verify();
      },
      { stride: 3 },
    );
  });

  it('tells the time of each event by the scheduler, and the attempt', () => {
    const run = new WireRun(lifetime({ latency: 10 })).flush();
    expect(run.trace.map(({ type, time }) => `${time} ${type}`)).toEqual([
      '0 opening',
      '10 opened',
      '20 features',
      '20 starting-tls',
      '30 securing',
      '40 secured',
      '40 opening',
      '50 opened',
      '60 features',
      '60 authenticating',
      '80 authenticated',
      '80 opening',
      '90 opened',
      '100 features',
      '100 binding',
      '110 bound',
      '120 online',
    ]);
    expect(new Set(run.trace.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    run.unsubscribe();
    expect(run.trace.at(-1)).toEqual({ type: 'cancelled', phase: 'online', attempt: 1, time: 120 });
  });
});
