import { NEVER, Observable, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { attempted, type Attempt } from '../../lib/client/attempt.js';
import { StreamError, TransportError } from '../../lib/errors/index.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import { lifetime } from '../support/wire.js';
import { watchUnhandled, WireRun } from '../support/wire-run.js';

describe('Attempt', () => {
  const { take } = watchUnhandled();

  function attempt() {
    const told: TraceEvent[] = [];
    const scheduler = new VirtualTimeScheduler();
    const own = { phase: 'resolve', trace: () => undefined } as unknown as Attempt<unknown>;
    /** Attempt 7, with this for a connection; `own` is the attempt from when it is subscribed to. */
    const to = <T>(source$: Observable<T>) =>
      attempted<T>(
        (begun) => {
          run.own = begun as Attempt<unknown>;
          return source$;
        },
        7,
        scheduler,
        (event) => told.push(event),
      );
    const run = { told, scheduler, own, to };
    return run;
  }

  it.each([
    ['success', '--s-----', '^------!', '--s-----', 'cancelled'],
    ['an error', '--s--#', '^----!', '--s--#', 'failed'],
    ['an early error', '--#', '^-!', '--#', 'failed'],
    ['completion', '--s--|', '^----!', '--s--|', 'closed'],
    ['silence', '--------', '^------!', '--------', 'cancelled'],
  ])('recorded: %s', (_name, source, subs, result, terminal) => {
    const { told, to } = attempt();
    marbles((m) => {
      const error = new TransportError({ condition: 'connection-reset', phase: 'online' });
      const source$ = m.cold(source, undefined, error);
      m.expect(to(source$), '^------!').toBeObservable(result, undefined, error);
      m.expect(source$).toHaveSubscriptions(subs);
    })();
    expect(told.map(({ type }) => type)).toEqual([terminal]);
  });

  it('stamps events with the number and the time of the scheduler', () => {
    const run = attempt();
    const { told, scheduler } = run;
    run.to(NEVER).subscribe();
    scheduler.schedule(() => run.own.trace({ type: 'opening' }), 30);
    scheduler.flush();
    expect(told).toEqual([{ type: 'opening', attempt: 7, time: 30 }]);
  });

  it('knows the phase by the events, and names it in errors that know none', () => {
    const run = attempt();
    const { told } = run;
    const source$ = new Subject<never>();
    run.to(source$).subscribe({ error: () => undefined });
    const { own } = run;
    const phases: string[] = [own.phase];
    for (const type of ['opening', 'starting-tls', 'securing', 'binding', 'resuming', 'closing'] as const) {
      own.trace({ type });
      phases.push(own.phase);
    }
    expect(phases).toEqual(['resolve', 'open', 'starttls', 'tls', 'bind', 'resume', 'close']);
    source$.error(new TransportError({ condition: 'connection-reset' }));
    expect(told.at(-1)).toMatchObject({ type: 'failed', phase: 'close', error: { phase: 'close' } });
  });

  it('traces nothing after the end, and ends once', () => {
    const run = attempt();
    const { told } = run;
    const source$ = new Subject<string>();
    const subscription = run.to(source$).subscribe();
    source$.complete();
    subscription.unsubscribe();
    run.own.trace({ type: 'opening' });
    expect(told.map(({ type }) => type)).toEqual(['closed']);
  });

  it('tells the end after what was held is released, and before anybody else is told', () => {
    for (const how of ['error', 'complete', 'unsubscribe'] as const) {
      const log: string[] = [];
      const end$ = new Subject<string>();
      const held$ = new Observable<string>((subscriber) => {
        subscriber.add(() => log.push('released'));
        return end$.subscribe(subscriber);
      });
      const subscription = attempted(
        () => held$,
        1,
        new VirtualTimeScheduler(),
        ({ type }) => log.push(type),
      ).subscribe({ error: () => log.push('error'), complete: () => log.push('complete') });
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
    const { told, to } = attempt();
    const source$ = new Subject<never>();
    const foreign = new TypeError('of a stream feature');
    let seen: unknown;
    to(source$).subscribe({ error: (error) => (seen = error) });
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
    const { told, to } = attempt();
    to(of('s')).subscribe().unsubscribe();
    expect(told.map(({ type }) => type)).toEqual(['closed']);
  });

  it('is bounded once, from the first time that it says so to the session', () => {
    for (const [online, outcome] of [
      [undefined, ['20 deadline (open)']],
      [15, []],
    ] as const) {
      const told: string[] = [];
      const scheduler = new VirtualTimeScheduler();
      const source$ = new Subject<string>();
      attempted<string>(
        (own) => {
          own.bound(20);
          own.trace({ type: 'opening' });
          scheduler.schedule(() => own.bound(1), 5);
          return source$;
        },
        1,
        scheduler,
      ).subscribe({ error: ({ condition, phase }) => told.push(`${scheduler.now()} ${condition} (${phase})`) });
      if (online) scheduler.schedule(() => source$.next('s'), online);
      scheduler.flush();
      expect(told).toEqual(outcome);
    }
  });

  it('is not sent on where nobody says how many times', () => {
    const places: unknown[] = [];
    const moved = new StreamError({ condition: 'see-other-host', location: 'next.example.org' });
    const connect = (_: unknown, location: string | undefined) => {
      places.push(location);
      return new Observable<never>((subscriber) => subscriber.error(moved));
    };
    const outcomes: unknown[] = [];
    const scheduler = new VirtualTimeScheduler();
    for (const hops of [undefined, 2])
      attempted(connect, 1, scheduler, undefined, hops).subscribe({ error: (error) => outcomes.push(error) });
    expect(places).toEqual([undefined, undefined, 'next.example.org', 'next.example.org']);
    expect(outcomes).toEqual([moved, moved]);
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
