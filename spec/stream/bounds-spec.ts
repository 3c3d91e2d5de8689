import { asyncScheduler, EMPTY, of, throwError } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { StreamError, TransportError, XmppTimeoutError, type Phase } from '../../lib/errors/index.js';
import { connect } from '../../lib/stream/connect.js';
import { connectTimeout } from '../../lib/stream/connect-timeout.js';
import { deadline } from '../../lib/stream/deadline.js';
import { inPhase, within } from '../../lib/stream/within.js';
import type { ConnectContext, Connection } from '../../lib/transport/transport.js';
import { watchUnhandled } from '../support/wire-run.js';

interface Case {
  readonly source: string;
  readonly subs: string;
  readonly result: string;
  readonly unsub?: string;
}

/** The bound is 5 in all of them. */
const CASES: Record<string, Case> = {
  'a value in time': { source: ' ----a------', subs: ' ^-----------', result: '----a------' },
  'values after the first take as long as they like': {
    source: ' -a-------------b',
    subs: ' ^',
    result: '-a-------------b',
  },
  'a value that comes too late': { source: ' ------a-', subs: ' ^----!', result: '-----#' },
  silence: { source: ' --------', subs: ' ^----!', result: '-----#' },
  'an early completion': { source: ' --|', subs: ' ^-!', result: '--|' },
  'completion after a value': { source: ' --a--------|', subs: ' ^----------!', result: '--a--------|' },
  'an early unsubscribe': { source: ' --------', subs: ' ^--!', unsub: '^--!', result: '----' },
};

describe('within', () => {
  watchUnhandled();
  const timedOut = new XmppTimeoutError('sasl', 5);

  it.each(Object.entries(CASES))('%s', (_name, { source, subs, result, unsub }) =>
    marbles((m) => {
      const source$ = m.cold(source.trim());
      m.expect(source$.pipe(within('sasl', 5)), unsub).toBeObservable(result, undefined, timedOut);
      m.expect(source$).toHaveSubscriptions(subs.trim());
    })(),
  );

  it(
    'names the phase in an error before the first value, unless it names one; later errors are of another phase',
    marbles((m) => {
      const phaseOf = (source: string, phase: Phase | undefined, named: Phase | undefined) => {
        const error = new StreamError({ condition: 'reset', phase });
        m.expect(m.cold(source, undefined, error).pipe(within('sasl', 5))).toBeObservable(
          source,
          undefined,
          new StreamError({ condition: 'reset', phase: named }),
        );
      };
      phaseOf('--#', undefined, 'sasl');
      phaseOf('--a------#', undefined, undefined);
      phaseOf('--#', 'open', 'open');
    }),
  );

  it(
    'never errs by itself with Infinity',
    marbles((m) => {
      const source$ = m.cold('----------');
      m.expect(source$.pipe(within('sasl', Infinity)), '^---------!').toBeObservable('----------');
      m.expect(source$).toHaveSubscriptions('^---------!');
    }),
  );

  it('holds no timer after a synchronous end', () => {
    const scheduled = jest.spyOn(asyncScheduler, 'schedule');
    for (const source of [of(1), EMPTY, throwError(() => new Error('x'))]) {
      source.pipe(within('sasl', 5)).subscribe({ error: () => undefined });
    }
    expect(jest.getTimerCount()).toBe(0);
    scheduled.mockRestore();
  });

  it('lets errors of others pass as they are', () => {
    const foreign = new Error('foreign');
    let seen: unknown;
    throwError(() => foreign)
      .pipe(inPhase('sasl'))
      .subscribe({ error: (error) => (seen = error) });
    expect(seen).toBe(foreign);
  });
});

describe('connectTimeout', () => {
  it.each(Object.entries(CASES))('%s', (_name, { source, subs, result, unsub }) =>
    marbles((m) => {
      const source$ = m.cold(source.trim());
      const error = new XmppTimeoutError('connect', 5);
      m.expect(source$.pipe(connectTimeout(5)), unsub).toBeObservable(result, undefined, error);
      m.expect(source$).toHaveSubscriptions(subs.trim());
    })(),
  );
});

describe('deadline', () => {
  it.each(Object.entries(CASES))('%s', (_name, { source, subs, result, unsub }) =>
    marbles((m) => {
      const source$ = m.cold(source.trim());
      const error = new XmppTimeoutError('bind', 5, 'not online within 5 ms', 'deadline');
      const bounded = source$.pipe(deadline(5, asyncScheduler, () => 'bind'));
      m.expect(bounded, unsub).toBeObservable(result, undefined, error);
      m.expect(source$).toHaveSubscriptions(subs.trim());
    })(),
  );

  it(
    'asks for the phase when it falls due, not before',
    marbles((m) => {
      let phase: Phase = 'resolve';
      const moves$ = m.cold('--a-----', { a: 'sasl' as const });
      moves$.subscribe((next) => (phase = next));
      const error = new XmppTimeoutError('sasl', 5, 'not online within 5 ms', 'deadline');
      m.expect(m.cold('-').pipe(deadline(5, asyncScheduler, () => phase))).toBeObservable('-----#', undefined, error);
    }),
  );

  it(
    'passes errors of the source as they are, and never errs by itself with Infinity',
    marbles((m) => {
      const error = new TransportError({ condition: 'connection-reset' });
      m.expect(m.cold('--#', undefined, error).pipe(deadline(5, asyncScheduler, () => 'bind'))).toBeObservable(
        '--#',
        undefined,
        error,
      );
      m.expect(m.cold('----------|').pipe(deadline(Infinity, asyncScheduler, () => 'bind'))).toBeObservable(
        '----------|',
      );
    }),
  );
});

describe('connect', () => {
  const context = { domain: 'example.org', timeouts: { connect: Infinity } } as ConnectContext;

  it.each([
    ['a connection', '--c----', '^------', '--c----', undefined],
    ['an error', '--#', '^-!', '--#', 'connect'],
    ['a loss', '--c--#', '^----!', '--c--#', undefined],
    ['silence', '------', '^-----', '------', undefined],
    ['completion', '--c--|', '^----!', '--c--|', undefined],
  ] as const)('%s', (_name, source, subs, result, phase) =>
    marbles((m) => {
      const error = new TransportError({ condition: 'connection-reset' });
      const connection$ = m.cold<Connection>(source, undefined, error);
      const connected = connect({ name: 'marbles', connect: () => connection$ }, context);
      m.expect(connected).toBeObservable(
        result,
        undefined,
        new TransportError({ condition: 'connection-reset', phase }),
      );
      m.expect(connection$).toHaveSubscriptions(subs.replace(/-+$/, ''));
    })(),
  );

  it(
    'silence is bounded by the context',
    marbles((m) => {
      const bounded = { ...context, timeouts: { connect: 5 } } as ConnectContext;
      const connection$ = m.cold<Connection>('------c');
      m.expect(connect({ name: 'marbles', connect: () => connection$ }, bounded)).toBeObservable(
        '-----#',
        undefined,
        new XmppTimeoutError('connect', 5),
      );
      m.expect(connection$).toHaveSubscriptions('^----!');
    }),
  );

  it(
    'an early unsubscribe gives up at once',
    marbles((m) => {
      const connection$ = m.cold<Connection>('------c');
      m.expect(connect({ name: 'marbles', connect: () => connection$ }, context), '^--!').toBeObservable('----');
      m.expect(connection$).toHaveSubscriptions('^--!');
    }),
  );

  it('is cold: each subscription asks the transport, with the context as it is', () => {
    const asked = jest.fn(() => EMPTY);
    const connected = connect({ name: 'spy', connect: asked }, context);
    expect(asked).not.toHaveBeenCalled();
    connected.subscribe();
    connected.subscribe();
    expect(asked.mock.calls).toEqual([[context], [context]]);
  });
});
