import { EMPTY, Observable, of, throwError } from 'rxjs';
import { cases, marbles } from 'rxjs-marbles/jest';
import { inTurn } from '../../lib/transport/in-turn.js';

const failure = (errors: readonly unknown[]) => new Error(errors.map((error) => (error as Error).message).join(' '));

interface Turns {
  readonly candidates: readonly string[];
  readonly subs: readonly (string | string[])[];
  readonly unsub?: string;
  readonly result: string;
  readonly error?: string;
}

describe('inTurn', () => {
  cases(
    'tries',
    (m, { candidates, subs, unsub, result, error }: Turns) => {
      const names = ['a', 'b', 'c'];
      const sources = candidates.map((marble, index) => m.cold(marble, { x: names[index]! }, new Error(names[index])));
      const turns$ = inTurn(sources, (source) => source, failure);
      m.expect(turns$, unsub ?? null!).toBeObservable(result, { a: 'a', b: 'b', c: 'c' }, new Error(error));
      sources.forEach((source, index) => m.expect(source).toHaveSubscriptions(subs[index]! === '' ? [] : subs[index]!));
    },
    {
      'the first opens: no other is tried': {
        candidates: ['--x--', 'x'],
        subs: ['^----!', ''],
        result: '--a--',
        unsub: '^----!',
      },
      'the next after a failure, once the failed one is released': {
        candidates: ['--#', '--x--'],
        subs: ['^-!', '--^----!'],
        result: '----b--',
        unsub: '^------!',
      },
      'all fail: all errors are kept, in order (G4)': {
        candidates: ['--#', '-#', '#'],
        subs: ['^-!', '--^!', '---(^!)'],
        result: '---#',
        error: 'a b c',
      },
      'the loss of one that has opened is a loss, and no reason to try another': {
        candidates: ['-x-#', 'x'],
        subs: ['^--!', ''],
        result: '-a-#',
        error: 'a',
      },
      'completion of one that has opened': { candidates: ['-x-|', 'x'], subs: ['^--!', ''], result: '-a-|' },
      'silence is waited for, because bounds are the affair of `open`': {
        candidates: ['-', 'x'],
        subs: ['^---------!', ''],
        result: '----------',
        unsub: '^---------!',
      },
      'unsubscribing during the first dials nothing further (D1)': {
        candidates: ['---#', 'x'],
        subs: ['^-!', ''],
        result: '--',
        unsub: '^-!',
      },
      'unsubscribing during the second dials nothing further (D1)': {
        candidates: ['--#', '---#', 'x'],
        subs: ['^-!', '--^-!', ''],
        result: '----',
        unsub: '^---!',
      },
      none: { candidates: [], subs: [], result: '#', error: '' },
    } as Record<string, Turns>,
  );

  it(
    'does nothing until subscribed, and everything anew for each subscriber',
    marbles((m) => {
      const a = m.cold<string>('--#', undefined, new Error('a'));
      const b = m.cold('-x', { x: 'b' });
      const turns$ = inTurn([a, b], (source) => source, failure);
      m.expect(turns$, '^-----!').toBeObservable('---b--', { b: 'b' });
      m.expect(turns$, '----^-----!').toBeObservable('-------b---', { b: 'b' });
      m.expect(a).toHaveSubscriptions(['^-!', '----^-!']);
    }),
  );

  it('tells of each candidate that failed, before the next one is tried', () => {
    const log: string[] = [];
    const open = (name: string): Observable<string> => {
      log.push(`open ${name}`);
      return name === 'c' ? of('c') : throwError(() => new Error(name));
    };
    inTurn(['a', 'b', 'c'], open, failure, (name) => log.push(`failed ${name}`)).subscribe((name) => log.push(name));
    expect(log).toEqual(['open a', 'failed a', 'open b', 'failed b', 'open c', 'c']);
  });

  it('takes an `open` that throws for a candidate that failed', () => {
    const log: string[] = [];
    const open = (name: string): Observable<string> => {
      if (name === 'a') throw new Error(name);
      return of(name);
    };
    inTurn(['a', 'b'], open, failure).subscribe((name) => log.push(name));
    expect(log).toEqual(['b']);
  });

  it('takes completion without a resource for the end that was asked for', () => {
    const log: string[] = [];
    inTurn(['a', 'b'], () => EMPTY, failure).subscribe({ complete: () => log.push('complete') });
    expect(log).toEqual(['complete']);
  });
});
