import { catchError, defer, EMPTY, NEVER, Observable, Subject, takeUntil, throwError, type Observer } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { heldTogether } from '../../lib/client/held-together.js';

/** Tells in order what each of them is told. */
const teller = (log: string[], name: string): Partial<Observer<never>> => ({
  error: (error) => log.push(`${name}#${String(error)}`),
  complete: () => log.push(`${name}|`),
});

describe('heldTogether', () => {
  it(
    'is one subscription from the first to the last of them, and another one after that',
    marbles((m) => {
      const source$ = m.cold<never>('-------#');
      const held$ = heldTogether(source$);
      m.expect(held$, '^--!').toBeObservable('-');
      m.expect(held$, '--^---!').toBeObservable('-');
      m.expect(held$, '---------^---------').toBeObservable('----------------#');
      m.expect(source$).toHaveSubscriptions(['^-----!', '---------^------!']);
    }),
  );

  it(
    'ends for all at once, and can begin anew',
    marbles((m) => {
      const rows = [
        { source: '---#', result: '---#', late: '--------#' },
        { source: '---|', result: '---|', late: '--------|' },
      ];
      for (const { source, result, late } of rows) {
        const source$ = m.cold<never>(source);
        const held$ = heldTogether(source$);
        m.expect(held$).toBeObservable(result);
        m.expect(held$, '-^').toBeObservable(result);
        m.expect(held$, '-----^').toBeObservable(late);
        m.expect(source$).toHaveSubscriptions(['^--!', '-----^--!']);
      }
    }),
  );

  it.each([
    ['errors', () => throwError(() => 'lost'), '#lost'],
    ['completes', () => EMPTY, '|'],
  ])('is of use where the source %s at once', (_, ends, told) => {
    const log: string[] = [];
    let begun = 0;
    const held$ = heldTogether(defer(() => (begun++, ends() as Observable<never>)));
    held$.subscribe(teller(log, 'a'));
    held$.subscribe(teller(log, 'b'));
    expect(log).toEqual([`a${told}`, `b${told}`]);
    expect(begun).toBe(2);
  });

  it('tells in the order of subscribing, and lets who is told begin anew', () => {
    const log: string[] = [];
    const sources = [throwError(() => 'lost'), NEVER];
    let begun = 0;
    let fail!: () => void;
    const held$ = heldTogether(
      new Observable<never>((subscriber) => {
        const source$ = sources[begun++]!;
        fail = () => subscriber.add(source$.subscribe(subscriber));
        return () => log.push(`-${begun}`);
      }),
    );
    const again$ = held$.pipe(catchError((error) => (log.push(`a#${String(error)}`), held$)));
    again$.subscribe(teller(log, 'again'));
    held$.subscribe(teller(log, 'b'));
    fail();
    expect(log).toEqual(['-1', 'a#lost', 'b#lost']);
    expect(begun).toBe(2);
  });

  it('releases the source where the last one leaves while it is being subscribed to', () => {
    const log: string[] = [];
    const stop$ = new Subject<void>();
    const held$ = heldTogether(
      new Observable<never>(() => {
        stop$.next();
        return () => log.push('-');
      }),
    );
    held$.pipe(takeUntil(stop$)).subscribe(teller(log, 'a'));
    expect(log).toEqual(['a|', '-']);
  });
});
