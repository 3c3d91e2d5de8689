import { concat, NEVER, Observable, of, Subject, take, VirtualTimeScheduler } from 'rxjs';
import { extendableTimeout } from '../../lib/stream/extendable-timeout.js';
import { scopeMap } from '../../lib/stream/scope-map.js';
import { watch } from '../support/watch.js';

describe('scopeMap, whose former inner resource does something while it is let go of', () => {
  function mapped(onRelease: (outer$: Subject<string>) => void) {
    const outer$ = new Subject<string>();
    const log: string[] = [];
    const result = watch(
      outer$.pipe(
        scopeMap(
          (name) =>
            new Observable<string>((subscriber) => {
              log.push(`+${name}`);
              subscriber.next(name);
              return () => {
                log.push(`-${name}`);
                if (name === 'a') onRelease(outer$);
              };
            }),
        ),
      ),
    );
    outer$.next('a');
    outer$.next('b');
    return { log, result };
  }

  it('emits again: what came last stays', () => {
    const { log, result } = mapped((outer$) => outer$.next('c'));
    expect([log, result.values]).toEqual([
      ['+a', '-a', '+c'],
      ['a', 'c'],
    ]);
  });

  it('ends it: nothing follows', () => {
    const { log, result } = mapped((outer$) => outer$.error(new Error('x')));
    expect([log, result.log]).toEqual([
      ['+a', '-a'],
      ['next', 'error'],
    ]);
  });
});

describe('extendableTimeout at its edges', () => {
  const delays = (due: number, extend?: () => number) => {
    const scheduler = new VirtualTimeScheduler();
    const asked: (number | undefined)[] = [];
    const { schedule } = scheduler;
    scheduler.schedule = ((...args: Parameters<typeof schedule>) => {
      asked.push(args[1]);
      return schedule.apply(scheduler, args);
    }) as typeof schedule;
    const attempt = watch(NEVER.pipe(extendableTimeout({ due, extend, scheduler })));
    scheduler.flush();
    attempt.unsubscribe();
    return { asked, attempt };
  };

  it('sets no timer where there is no bound, at first or by an extension', () => {
    expect(delays(Infinity).asked).toEqual([]);
    expect(delays(5, () => Infinity).asked).toEqual([5]);
  });

  it('leaves no timer behind where the first of what comes at once was enough', () => {
    const scheduler = new VirtualTimeScheduler();
    const { log } = watch(concat(of('a', 'b'), NEVER).pipe(extendableTimeout({ due: 5, scheduler }), take(1)));
    expect([log, scheduler.actions.length]).toEqual([['next', 'complete'], 0]);
  });

  it('is not extended by default', () => {
    expect(delays(5).attempt.error).toMatchObject({ condition: 'timeout', phase: 'online', due: 5 });
  });

  it('tells nothing, and sets no timer, where it is given up while it is asked', () => {
    const scheduler = new VirtualTimeScheduler();
    const attempt = watch(
      concat(of('a'), NEVER).pipe(
        extendableTimeout({
          due: 5,
          scheduler,
          extend: () => {
            attempt.unsubscribe();
            return 5;
          },
        }),
      ),
    );
    scheduler.flush();
    expect([attempt.log, scheduler.now(), scheduler.actions.length]).toEqual([['next'], 5, 0]);
  });
});
