import { concat, merge, NEVER, Observable, of, Subject, take, throwError, type ObservableInput } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { hold } from '../../lib/stream/hold.js';
import { scopeMap } from '../../lib/stream/scope-map.js';
import { watchUnhandled } from '../support/wire-run.js';

describe('scopeMap', () => {
  const { take: takeUnhandled } = watchUnhandled();

  describe('in marbles', () => {
    const cases: Record<
      string,
      { outer: string; subs: string; a: string; aSubs: string; result: string; unsub?: string }
    > = {
      'maps, and waits for neither to end': {
        outer: ' --a-------',
        subs: '  ^---------',
        a: '       --x---y-',
        aSubs: ' --^-------',
        result: '----x---y-',
      },
      'silent outer': { outer: '---', subs: '^--', a: '-', aSubs: '', result: '---' },
      'empty outer': { outer: '--|', subs: '^-!', a: '-', aSubs: '', result: '--|' },
      'failing outer': { outer: '--#', subs: '^-!', a: '-', aSubs: '', result: '--#' },
      'silent inner': { outer: '-a----', subs: '^-----', a: '-----', aSubs: '-^----', result: '------' },
      'an outer error ends both': {
        outer: ' -a----#',
        subs: '  ^-----!',
        a: '      --x---',
        aSubs: ' -^----!',
        result: '---x--#',
      },
      'an outer completion waits for the inner resource': {
        outer: ' -a--|',
        subs: '  ^---!',
        a: '      --x----#',
        aSubs: ' -^------!',
        result: '---x----#',
      },
      'an inner error ends both': {
        outer: ' -a--------',
        subs: '  ^----!',
        a: '      --x-#',
        aSubs: ' -^---!',
        result: '---x-#',
      },
      'an inner completion ends both': {
        outer: ' -a--------',
        subs: '  ^----!',
        a: '      --x-|',
        aSubs: ' -^---!',
        result: '---x-|',
      },
      'a new outer resource replaces the inner one': {
        outer: ' -a---a--',
        subs: '  ^-------',
        a: '      --x---y--',
        aSubs: ' -^---!',
        result: '---x---x---y',
      },
      'unsubscribed before the outer resource': {
        outer: ' ----a-',
        subs: '  ^-!',
        a: '     --x',
        aSubs: '',
        unsub: ' ^-!',
        result: '---',
      },
      'unsubscribed between outer and inner': {
        outer: ' -a-----',
        subs: '  ^---!',
        a: '     -----x',
        aSubs: '-^--!',
        unsub: ' ^---!',
        result: '-----',
      },
    };

    it.each(Object.entries(cases))('%s', (_name, { outer, subs, a, aSubs, unsub, result }) =>
      marbles((m) => {
        const source = m.cold(outer);
        const inner = m.cold(a);
        m.expect(source.pipe(scopeMap(() => inner)), unsub).toBeObservable(result.trim());
        m.expect(source).toHaveSubscriptions(subs.trim());
        // Each further outer value begins a subscription of its own, which these cases do not look at.
        if (_name !== 'a new outer resource replaces the inner one') {
          m.expect(inner).toHaveSubscriptions(aSubs.trim() === '' ? [] : aSubs);
        }
      })(),
    );
  });

  /** A resource that logs when it is taken and released. */
  const resource = <T>(log: string[], name: string, body: ObservableInput<T>) =>
    new Observable<T>((subscriber) => {
      log.push(`+${name}`);
      subscriber.add(() => log.push(`-${name}`));
      return concat(body as Observable<T>, NEVER).subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
      });
    });

  const watch = <T>(log: string[], source: Observable<T>) =>
    source.subscribe({
      next: (value) => log.push(String(value)),
      error: (error: unknown) => log.push(`#${String(error)}`),
      complete: () => log.push('|'),
    });

  describe('releases the inner resource first, both before the end is told', () => {
    it.each(['unsubscribe', 'inner error', 'outer error', 'inner completion', 'both complete'])('%s', (how) => {
      const log: string[] = [];
      const outerEnd$ = new Subject<string>();
      const innerEnd$ = new Subject<string>();
      const held = (name: string, end$: Subject<string>, value: string) =>
        new Observable<string>((subscriber) => {
          subscriber.add(() => log.push(`-${name}`));
          return merge(of(value), end$).subscribe(subscriber);
        });
      const subscription = watch(
        log,
        held('outer', outerEnd$, 'a').pipe(scopeMap(() => held('inner', innerEnd$, 'x'))),
      );
      expect(log).toEqual(['x']);
      ({
        unsubscribe: () => subscription.unsubscribe(),
        'inner error': () => innerEnd$.error('lost'),
        'outer error': () => outerEnd$.error('lost'),
        'inner completion': () => innerEnd$.complete(),
        'both complete': () => {
          outerEnd$.complete();
          innerEnd$.complete();
        },
      })[how]!();
      const end = how === 'unsubscribe' ? [] : how.includes('error') ? ['#lost'] : ['|'];
      const released = how === 'outer error' || how === 'both complete' ? log.slice(1, 3).sort() : log.slice(1, 3);
      expect(released).toEqual(['-inner', '-outer']);
      expect(log.slice(3)).toEqual(end);
    });

    it('an end of the source itself is not told before the inner resource is gone', () => {
      const log: string[] = [];
      const source$ = new Subject<string>();
      watch(log, source$.pipe(scopeMap(() => resource(log, 'inner', of('x')))));
      source$.next('a');
      source$.error('lost');
      expect(log).toEqual(['+inner', 'x', '-inner', '#lost']);
    });

    it('nested three deep', () => {
      const log: string[] = [];
      const source = resource(log, '1', of(1)).pipe(
        scopeMap(() => resource(log, '2', of(2))),
        scopeMap(() => resource(log, '3', of(3))),
      );
      watch(log, source).unsubscribe();
      expect(log).toEqual(['+1', '+2', '+3', '3', '-3', '-2', '-1']);
    });

    it('all of them, however deep and however synchronous, where the innermost fails', () => {
      const log: string[] = [];
      const source$ = new Subject<string>();
      const outermost = new Observable<string>((subscriber) => {
        subscriber.add(() => log.push('-1'));
        return source$.subscribe(subscriber);
      });
      watch(
        log,
        outermost.pipe(
          scopeMap(() => resource(log, '2', of(2))),
          scopeMap(hold),
          scopeMap(() => throwError(() => 'lost')),
        ),
      );
      source$.next('a');
      expect(log).toEqual(['+2', '-2', '-1', '#lost']);
    });

    it('whoever retries finds nothing of the old attempt alive', () => {
      const log: string[] = [];
      let attempts = 0;
      const source = resource(log, 'outer', of('a')).pipe(
        scopeMap(() => resource(log, 'inner', ++attempts === 1 ? throwError(() => 'lost') : of('x'))),
      );
      const retried = new Observable<string>((subscriber) => {
        const again = () =>
          void subscriber.add(source.subscribe({ next: (value) => subscriber.next(value), error: again }));
        again();
      });
      watch(log, retried);
      expect(log).toEqual(['+outer', '+inner', '-inner', '-outer', '+outer', '+inner', 'x']);
    });
  });

  describe('synchronous sources', () => {
    it('of values: the last one stays', () => {
      const log: string[] = [];
      watch(log, concat(of('a', 'b'), NEVER).pipe(scopeMap((name) => resource(log, name, of(name))))).unsubscribe();
      expect(log).toEqual(['+a', 'a', '-a', '+b', 'b', '-b']);
    });

    it('that complete at once: the inner resource stays', () => {
      const log: string[] = [];
      watch(log, of('a').pipe(scopeMap((name) => resource(log, name, of('x'))))).unsubscribe();
      expect(log).toEqual(['+a', 'x', '-a']);
    });

    it('take(1) releases both, inner first, and asks for nothing more', () => {
      const log: string[] = [];
      const source = resource(log, 'outer', of('a', 'b')).pipe(
        scopeMap((name) => resource(log, name, of('x', 'y'))),
        take(1),
      );
      watch(log, source);
      expect(log).toEqual(['+outer', '+a', 'x', '|', '-a', '-outer']);
    });

    it('an inner resource that fails or completes at once', () => {
      const log: string[] = [];
      watch(log, resource(log, 'outer', of('a')).pipe(scopeMap(() => throwError(() => 'lost'))));
      watch(log, resource(log, 'outer', of('a')).pipe(scopeMap(() => of('x'))));
      expect(log).toEqual(['+outer', '-outer', '#lost', '+outer', 'x', '-outer', '|']);
    });

    it('nothing of the outer source is mapped after an end', () => {
      const log: string[] = [];
      watch(log, of('a', 'b').pipe(scopeMap((name) => (log.push(`project ${name}`), throwError(() => 'lost')))));
      expect(log).toEqual(['project a', '#lost']);
    });
  });

  it('a project that throws fails the result, with the outer resource released before', () => {
    const log: string[] = [];
    const source$ = new Subject<string>();
    watch(
      log,
      merge(resource(log, 'outer', []), source$).pipe(
        scopeMap(() => {
          throw 'thrown';
        }),
      ),
    );
    source$.next('a');
    expect(log).toEqual(['+outer', '-outer', '#thrown']);
  });

  it('takes any observable input', () => {
    const log: string[] = [];
    watch(log, of(1).pipe(scopeMap(() => ['x', 'y'])));
    expect(log).toEqual(['x', 'y', '|']);
  });

  describe('re-entrancy', () => {
    it('a new outer value from within the inner one releases the former inner resource and no other', () => {
      const log: string[] = [];
      const outer$ = new Subject<string>();
      const seen: string[] = [];
      const subscription = outer$
        .pipe(scopeMap((name) => resource(log, name, name === 'a' ? of('a1', 'a2') : of('b1'))))
        .subscribe((value) => {
          seen.push(value);
          if (value === 'a1') outer$.next('b');
        });
      outer$.next('a');
      expect(seen).toEqual(['a1', 'b1']);
      expect(log).toEqual(['+a', '-a', '+b']);
      subscription.unsubscribe();
      expect(log).toEqual(['+a', '-a', '+b', '-b']);
    });

    it("an inner completion that comes late, of a resource that was replaced, is nobody's", () => {
      const outer$ = new Subject<string>();
      const log: string[] = [];
      watch(
        log,
        outer$.pipe(
          scopeMap((name) =>
            name === 'a'
              ? new Observable<string>((subscriber) => {
                  outer$.next('b');
                  subscriber.next('stale');
                  subscriber.complete();
                })
              : resource(log, name, of('x')),
          ),
        ),
      );
      outer$.next('a');
      expect(log).toEqual(['+b', 'x']);
    });

    it('unsubscribing from within a value releases inner, then outer', () => {
      const log: string[] = [];
      const source$ = new Subject<string>();
      const subscription = merge(resource(log, 'outer', []), source$)
        .pipe(scopeMap(() => resource(log, 'inner', of('x', 'y'))))
        .subscribe((value) => {
          log.push(value);
          subscription.unsubscribe();
        });
      source$.next('a');
      expect(log).toEqual(['+outer', '+inner', 'x', '-inner', '-outer']);
    });

    it('the outer source fails while the inner resource is being subscribed to', () => {
      const log: string[] = [];
      const outer$ = new Subject<string>();
      const inner = new Observable<string>((subscriber) => {
        subscriber.add(() => log.push('-inner'));
        outer$.error('lost');
        subscriber.next('late');
      });
      watch(log, outer$.pipe(scopeMap(() => inner)));
      outer$.next('a');
      expect(log).toEqual(['-inner', '#lost']);
    });

    it('a subscriber that throws is reported, and the resources stay', () => {
      const log: string[] = [];
      resource(log, 'outer', of('a'))
        .pipe(scopeMap(() => resource(log, 'inner', of('x', 'y'))))
        .subscribe((value) => {
          log.push(value);
          throw new Error(value);
        });
      expect(log).toEqual(['+outer', '+inner', 'x', 'y']);
      expect(takeUnhandled().map(String)).toEqual(['Error: x', 'Error: y']);
    });
  });
});

describe('hold', () => {
  it(
    'is ready at once and stays',
    marbles((m) => {
      m.expect(hold('x'), '--!').toBeObservable('x--');
      m.expect(hold('x')).toBeObservable('x');
    }),
  );
});
