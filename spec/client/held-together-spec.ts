import { catchError, defer, EMPTY, NEVER, Observable, Subject, take, takeUntil, throwError, type Observer } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { HeldTogether } from '../../lib/client/held-together.js';

/** Tells in order what each of them is told. */
const teller = (log: string[], name: string): Partial<Observer<never>> => ({
  error: (error) => log.push(`${name}#${String(error)}`),
  complete: () => log.push(`${name}|`),
});

class Together<T> extends HeldTogether<T> {
  present: T | undefined;

  constructor(readonly source$: Observable<never>) {
    super();
  }

  override tell(value: T): void {
    this.present = value;
    super.tell(value);
  }

  protected override begin(): Observable<never> {
    return this.source$;
  }
}

const heldTogether = (source$: Observable<never>) => new Together<never>(source$).held$;

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

  it('tells all of them what it is told, and whoever comes later the last of it', () => {
    const log: string[] = [];
    const together = new Together<string>(NEVER);
    const watch = (name: string) => together.held$.subscribe((value) => log.push(name + value));
    together.tell('0');
    const a = watch('a');
    together.tell('1');
    const b = watch('b');
    together.tell('2');
    a.unsubscribe();
    together.tell('3');
    b.unsubscribe();
    together.tell('4');
    expect(log).toEqual(['a0', 'a1', 'b1', 'a2', 'b2', 'b3']);
  });

  it('tells whoever brings about the next, when told of what there is, of that too', () => {
    const log: string[] = [];
    const together = new Together<string>(NEVER);
    together.held$.subscribe((value) => log.push(`a${value}`));
    together.tell('0');
    together.held$.subscribe((value) => {
      log.push(`b${value}`);
      if (value === '0') together.tell('1');
    });
    expect(log).toEqual(['a0', 'b0', 'a1', 'b1']);
  });

  it('begins nothing for whoever has enough with what there is', () => {
    let begun = 0;
    const together = new Together<string>(defer(() => (begun++, NEVER)));
    const log: string[] = [];
    together.tell('0');
    together.held$.pipe(take(1)).subscribe((value) => log.push(value));
    expect([log, begun]).toEqual([['0'], 0]);
  });
});
