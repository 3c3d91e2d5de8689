import { Observable, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { Attempt } from '../../lib/client/attempt.js';
import { TransportError } from '../../lib/errors/index.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import { lifetime } from '../support/wire.js';
import { watchUnhandled, WireRun } from '../support/wire-run.js';

describe('Attempt', () => {
  const { take } = watchUnhandled();

  function attempt() {
    const told: TraceEvent[] = [];
    const scheduler = new VirtualTimeScheduler();
    return { told, scheduler, attempt: new Attempt(7, scheduler, (event) => told.push(event)) };
  }

  it.each([
    ['success', '--s-----', '^------!', '--s-----', 'cancelled'],
    ['an error', '--s--#', '^----!', '--s--#', 'failed'],
    ['an early error', '--#', '^-!', '--#', 'failed'],
    ['completion', '--s--|', '^----!', '--s--|', 'closed'],
    ['silence', '--------', '^------!', '--------', 'cancelled'],
  ])('recorded: %s', (_name, source, subs, result, terminal) => {
    const { told, attempt: own } = attempt();
    marbles((m) => {
      const error = new TransportError({ condition: 'connection-reset', phase: 'online' });
      const source$ = m.cold(source, undefined, error);
      m.expect(source$.pipe(own.recorded()), '^------!').toBeObservable(result, undefined, error);
      m.expect(source$).toHaveSubscriptions(subs);
    })();
    expect(told.map(({ type }) => type)).toEqual([terminal]);
  });

  it('stamps events with the number and the time of the scheduler', () => {
    const { told, scheduler, attempt: own } = attempt();
    scheduler.schedule(() => own.trace({ type: 'opening' }), 30);
    scheduler.flush();
    expect(told).toEqual([{ type: 'opening', attempt: 7, time: 30 }]);
  });

  it('knows the phase by the events, and names it in errors that know none', () => {
    const { told, attempt: own } = attempt();
    const source$ = new Subject<never>();
    const phases: string[] = [own.phase];
    source$.pipe(own.recorded()).subscribe({ error: () => undefined });
    for (const type of ['opening', 'starting-tls', 'securing', 'binding', 'resuming', 'closing'] as const) {
      own.trace({ type });
      phases.push(own.phase);
    }
    expect(phases).toEqual(['resolve', 'open', 'starttls', 'tls', 'bind', 'resume', 'close']);
    source$.error(new TransportError({ condition: 'connection-reset' }));
    expect(told.at(-1)).toMatchObject({ type: 'failed', phase: 'close', error: { phase: 'close' } });
  });

  it('traces nothing after the end, and ends once', () => {
    const { told, attempt: own } = attempt();
    const source$ = new Subject<string>();
    const subscription = source$.pipe(own.recorded()).subscribe();
    source$.complete();
    subscription.unsubscribe();
    own.trace({ type: 'opening' });
    expect(told.map(({ type }) => type)).toEqual(['closed']);
  });

  it('tells the end after what was held is released, and before anybody else is told', () => {
    for (const how of ['error', 'complete', 'unsubscribe'] as const) {
      const log: string[] = [];
      const end$ = new Subject<string>();
      const own = new Attempt(1, new VirtualTimeScheduler(), ({ type }) => log.push(type));
      const held$ = new Observable<string>((subscriber) => {
        subscriber.add(() => log.push('released'));
        return end$.subscribe(subscriber);
      });
      const subscription = held$
        .pipe(own.recorded())
        .subscribe({ error: () => log.push('error'), complete: () => log.push('complete') });
      if (how === 'error') end$.error(new TransportError({ condition: 'write-failed' }));
      else if (how === 'complete') end$.complete();
      else subscription.unsubscribe();
      expect(log).toEqual(
        {
          error: ['released', 'failed', 'error'],
          complete: ['released', 'closed', 'complete'],
          unsubscribe: ['released', 'cancelled'],
        }[how],
      );
    }
  });

  it('an error that is none of ours is a failure too, and typed', () => {
    const { told, attempt: own } = attempt();
    const source$ = new Subject<never>();
    const foreign = new TypeError('of a stream feature');
    let seen: unknown;
    source$.pipe(own.recorded()).subscribe({ error: (error) => (seen = error) });
    source$.error(foreign);
    expect(seen).toMatchObject({
      layer: 'usage',
      condition: 'unexpected-error',
      phase: 'resolve',
      cause: foreign,
      retryable: false,
    });
    expect(told).toMatchObject([{ type: 'failed', error: seen }]);
  });

  it('synchronous sources, and take(1) from within', () => {
    const { told, attempt: own } = attempt();
    of('s').pipe(own.recorded()).subscribe().unsubscribe();
    expect(told.map(({ type }) => type)).toEqual(['closed']);
  });

  it('a trace that throws is reported, and harms no attempt (I10)', () => {
    for (const at of ['opening', 'online', 'failed', 'cancelled']) {
      const run = new WireRun(lifetime(), {
        ...(at === 'failed' && { transport: { faults: [{ kind: 'cut', direction: 'in', at: 900 }] } }),
        onTrace: ({ type }) => {
          if (type === at) throw new Error(type);
        },
      }).flush(0);
      expect(run.outcome).toBe(at === 'failed' ? 'transport connection-reset (sasl)' : 'online');
      run.unsubscribe().check();
      expect(new Set(take().map(String))).toEqual(new Set([`Error: ${at}`]));
    }
  });
});
