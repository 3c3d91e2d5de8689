import { concat, map, NEVER, Observable, of, Subject, throwError, timer, VirtualTimeScheduler } from 'rxjs';
import { cases, marbles } from 'rxjs-marbles/jest';
import { happyEyeballs } from '../../lib/transport/happy-eyeballs.js';

const failure = (errors: readonly unknown[]) => new Error(errors.map((error) => (error as Error).message).join(' '));

const refused: Record<string, Error> = { a: new Error('a'), b: new Error('b'), c: new Error('c') };

interface Race {
  /** What each candidate does, from its own start on. */
  readonly candidates: readonly string[];
  /** When each of them is subscribed to; empty where it never is. */
  readonly subs: readonly (string | string[])[];
  readonly unsub?: string;
  readonly result: string;
  /** The errors of all, in the order of the candidates. */
  readonly error?: string;
  readonly delay?: number;
}

describe('happyEyeballs', () => {
  cases(
    'races',
    (m, race: Race) => {
      const names = ['a', 'b', 'c'];
      const candidates = race.candidates.map((marble, index) =>
        m.cold(marble, { x: names[index]! }, refused[names[index]!]),
      );
      const race$ = happyEyeballs(candidates, (candidate) => candidate, failure, { delay: race.delay ?? 4 });
      const values = { a: 'a', b: 'b', c: 'c' };
      m.expect(race$, race.unsub ?? null!).toBeObservable(race.result, values, new Error(race.error));
      candidates.forEach((candidate, index) => {
        const subs = race.subs[index]!;
        m.expect(candidate).toHaveSubscriptions(subs === '' ? [] : subs);
      });
    },
    {
      'the first opens in time: the second is never tried': {
        candidates: ['--x---', 'x'],
        subs: ['^------!', ''],
        result: '--a---',
        unsub: '^------!',
      },
      'the first is silent: the second starts after the delay, and the loser is released': {
        candidates: ['------', '--x---'],
        subs: ['^-----!', '----^-----!'],
        result: '------b---',
        unsub: '^---------!',
      },
      'the first is slow, and still wins while the second runs': {
        candidates: ['-----x--', '---x'],
        subs: ['^--------!', '----^!'],
        result: '-----a--',
        unsub: '^--------!',
      },
      'a failure starts the next at once (G3)': {
        candidates: ['-#', 'x---'],
        subs: ['^!', '-^----!'],
        result: '-b---',
        unsub: '^-----!',
      },
      'the delay counts anew from each start (G2)': {
        candidates: ['--#', '------', 'x---'],
        subs: ['^-!', '--^---!', '------^---!'],
        result: '------c---',
        unsub: '^---------!',
      },
      'a failure of a loser that ran beside it is no matter': {
        candidates: ['-----#', '---x--', '-'],
        subs: ['^----!', '----^---!', '-----^-!'],
        result: '-------b',
        unsub: '^-------!',
      },
      'all fail: all errors are kept, in the order of the candidates (G4)': {
        candidates: ['-----#', '-#', '-#'],
        subs: ['^----!', '----^!', '-----^!'],
        result: '------#',
        error: 'a b c',
      },
      'all fail synchronously': {
        candidates: ['#', '#', '#'],
        subs: ['(^!)', '(^!)', '(^!)'],
        result: '#',
        error: 'a b c',
      },
      'the end of the winner is the end': {
        candidates: ['-x--#', 'x'],
        subs: ['^---!', ''],
        result: '-a--#',
        error: 'a',
      },
      'the winner completes': {
        candidates: ['-x--|', 'x'],
        subs: ['^---!', ''],
        result: '-a--|',
      },
      'no timer of the race lives on after the win (G2)': {
        candidates: ['x-----------', 'x', 'x'],
        subs: ['^-----------!', '', ''],
        result: 'a-----------',
        unsub: '^-----------!',
      },
      'silence stays silent': {
        candidates: ['-', '-'],
        subs: ['^---------!', '----^-----!'],
        result: '-----------',
        unsub: '^---------!',
      },
      'unsubscribing releases all that run and starts no other (D1)': {
        candidates: ['-', '-', 'x'],
        subs: ['^-----!', '----^-!', ''],
        result: '------',
        unsub: '^-----!',
      },
      'one alone': { candidates: ['-#'], subs: ['^!'], result: '-#', error: 'a' },
      none: { candidates: [], subs: [], result: '#', error: '' },
    } as Record<string, Race>,
  );

  it(
    'waits 250 ms by default',
    marbles((m) => {
      const race$ = happyEyeballs(
        ['a', 'b'],
        (name) => (name === 'a' ? m.cold<string>('-') : m.cold('x', { x: 'b' })),
        failure,
      );
      m.expect(race$).toBeObservable('250ms b', { b: 'b' });
    }),
  );

  it('releases the losers before it tells of the winner', () => {
    const log: string[] = [];
    const winner = new Subject<string>();
    const open = (name: string) =>
      new Observable<string>((subscriber) => {
        log.push(`${name} starts`);
        if (name === 'winner') subscriber.add(winner.subscribe(subscriber));
        return () => log.push(`${name} released`);
      });
    const scheduler = new VirtualTimeScheduler();
    const subscription = happyEyeballs(['loser', 'winner'], open, failure, { scheduler }).subscribe((name) =>
      log.push(name),
    );
    scheduler.flush();
    winner.next('open');
    subscription.unsubscribe();
    expect(log).toEqual(['loser starts', 'winner starts', 'loser released', 'open', 'winner released']);
  });

  it('G2: leaves no timer once it is won, lost or given up', () => {
    for (const open of [() => of('won'), () => throwError(() => refused['a']), () => NEVER]) {
      const scheduler = new VirtualTimeScheduler();
      const race$ = happyEyeballs(['a', 'b', 'c'], open as () => Observable<string>, failure, { scheduler });
      race$.subscribe({ error: () => undefined }).unsubscribe();
      const winner = concat(of('won'), NEVER);
      const won = happyEyeballs(['a', 'b', 'c'], () => winner, failure, { scheduler }).subscribe();
      expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
      won.unsubscribe();
    }
  });

  it('dead IPv6 and live IPv4: connected within the attempt delay and what the live one takes', () => {
    const scheduler = new VirtualTimeScheduler();
    let openedAt: number | undefined;
    const open = (name: string) => (name === 'v6' ? NEVER : concat(timer(50, scheduler).pipe(map(() => name)), NEVER));
    const race = happyEyeballs(['v6', 'v4'], open, failure, { scheduler }).subscribe(() => {
      openedAt = scheduler.now();
    });
    scheduler.flush();
    expect(openedAt).toBeLessThanOrEqual(250 + 50);
    race.unsubscribe();
    expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
  });

  it.each(['silent', 'refused'])('64 dead addresses (%s), then a live one: connected, and nothing leaked', (how) => {
    const scheduler = new VirtualTimeScheduler();
    let held = 0;
    const open = (index: number) =>
      new Observable<number>((subscriber) => {
        held++;
        subscriber.add(() => held--);
        if (index === 64) subscriber.next(index);
        else if (how === 'refused') subscriber.error(new Error(String(index)));
      });
    const won: number[] = [];
    const race = happyEyeballs(
      Array.from({ length: 65 }, (_, index) => index),
      open,
      failure,
      { scheduler },
    ).subscribe((index) => won.push(index));
    scheduler.flush();
    expect([won, held, scheduler.now()]).toEqual([[64], 1, how === 'silent' ? 64 * 250 : 0]);
    race.unsubscribe();
    expect([held, scheduler.actions.filter(({ closed }) => !closed)]).toEqual([0, []]);
  });

  it('has no timer left once all have started', () => {
    const scheduler = new VirtualTimeScheduler();
    const race = happyEyeballs(['a', 'b'], () => NEVER, failure, { scheduler }).subscribe();
    scheduler.maxFrames = 250;
    scheduler.flush();
    expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
    race.unsubscribe();
  });

  it('starts no other where it is given up from within `failed`', () => {
    const opened: string[] = [];
    const first = new Subject<string>();
    const race = happyEyeballs(
      ['a', 'b'],
      (name) => {
        opened.push(name);
        return first;
      },
      failure,
      { scheduler: new VirtualTimeScheduler(), failed: () => race.unsubscribe() },
    ).subscribe();
    first.error(new Error('a'));
    expect(opened).toEqual(['a']);
  });

  it('makes the error of none of no errors', () => {
    let error: unknown;
    happyEyeballs(
      [],
      () => NEVER,
      (errors) => errors,
    ).subscribe({ error: (reason) => (error = reason) });
    expect(error).toEqual([]);
  });

  it('tells of each candidate that failed', () => {
    const log: string[] = [];
    happyEyeballs(['a', 'b'], (name) => throwError(() => refused[name]), failure, {
      failed: (name, error) => log.push(`${name} ${(error as Error).message}`),
    }).subscribe({ error: ({ message }: Error) => log.push(`all ${message}`) });
    expect(log).toEqual(['a a', 'b b', 'all a b']);
  });

  it('takes an `open` that throws for a candidate that failed', () => {
    const log: string[] = [];
    const open = (name: string): Observable<string> => {
      if (name === 'a') throw refused['a'];
      return of(name);
    };
    happyEyeballs(['a', 'b'], open, failure).subscribe((name) => log.push(name));
    expect(log).toEqual(['b']);
  });
});
