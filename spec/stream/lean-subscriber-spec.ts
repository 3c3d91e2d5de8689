import { Observable, of, Subject, Subscriber, Subscription } from 'rxjs';
import { LeanSubscriber } from '../../lib/stream/lean-subscriber.js';

/** Keeps what it is told. */
class Lean extends LeanSubscriber<number> {
  readonly log: string[] = [];

  protected override entered(value: number): void {
    this.log.push(String(value));
  }

  protected override ended(how: 'error' | 'complete', error?: unknown): void {
    this.log.push(how === 'error' ? `#${String(error)}` : '|');
  }
}

/** What each of these says when it is run. */
const teardowns = (log: string[]) => [
  () => void log.push('function'),
  { unsubscribe: () => void log.push('unsubscribable') },
  new Subscription(() => log.push('subscription')),
  () => void log.push('last'),
];

describe('LeanSubscriber', () => {
  it('runs all that was added, in order and once', () => {
    const lean = new Lean();
    for (const teardown of teardowns(lean.log)) lean.add(teardown);
    for (let i = 0; i < 2; i++) lean.unsubscribe();
    expect(lean.log).toEqual(['function', 'unsubscribable', 'subscription', 'last']);
    expect(lean.closed).toBe(true);
  });

  it.each([0, 1, 2, 3])('takes each kind first, and runs at once what comes too late (%i)', (index) => {
    const lean = new Lean();
    const teardown = teardowns(lean.log)[index]!;
    lean.add(undefined);
    lean.add(teardown);
    expect(lean.log).toEqual([]);
    lean.unsubscribe();
    expect(lean.log).toHaveLength(1);
    lean.add(teardowns(lean.log)[index]);
    expect(lean.log).toHaveLength(2);
  });

  it('forgets what is removed', () => {
    const lean = new Lean();
    const [first, second, third] = teardowns(lean.log);
    for (const teardown of [first, second, third]) lean.add(teardown);
    lean.remove(first!);
    lean.remove(third!);
    lean.unsubscribe();
    expect(lean.log).toEqual(['unsubscribable']);
  });

  it.each(['first', 'later', 'already'])('keeps no subscriber that is done (%s)', (when) => {
    const lean = new Lean();
    const inner = new Subscriber<number>();
    if (when !== 'first') lean.add(() => lean.log.push('other'));
    if (when === 'already') inner.unsubscribe();
    lean.add(inner);
    inner.unsubscribe();
    const again = jest.spyOn(inner, 'unsubscribe');
    lean.unsubscribe();
    expect(again).not.toHaveBeenCalled();
    expect(lean.log).toEqual(when === 'first' ? [] : ['other']);
  });

  it.each(['error', 'complete'] as const)('lets nothing through after its end (%s)', (end) => {
    const lean = new Lean();
    lean[end](1);
    lean.next(2);
    lean.error(3);
    lean.complete();
    expect(lean.log).toEqual([end === 'error' ? '#1' : '|']);
  });

  it('is what rxjs hands on, with nothing around it, also where it is handed on', () => {
    const lean = new Lean();
    const given: unknown[] = [];
    const source$ = new Observable<number>((subscriber) => {
      given.push(subscriber);
      return () => lean.log.push('released');
    });
    lean.follow(new Observable((subscriber) => source$.subscribe(subscriber)));
    expect(given).toEqual([lean]);
    expect(given[0]).toBe(lean);
    lean.unsubscribe();
    expect(lean.log).toEqual(['released']);
  });

  it('lets nothing through while it is being released', () => {
    const lean = new Lean();
    lean.follow(
      new Observable((subscriber) => {
        subscriber.next(1);
        return () => subscriber.next(2);
      }),
    );
    lean.unsubscribe();
    expect(lean.log).toEqual(['1']);
  });

  it('is released as a whole where a teardown throws', () => {
    const lean = new Lean();
    lean.add(() => {
      throw new Error('stuck');
    });
    lean.add(() => lean.log.push('second'));
    expect(() => lean.unsubscribe()).toThrow('stuck');
    expect(lean.log).toEqual(['second']);
    expect(lean.closed).toBe(true);
  });

  it('leaves a Subject, and is left by what completes', () => {
    const lean = new Lean();
    const subject = new Subject<number>();
    lean.follow(subject);
    subject.next(1);
    lean.unsubscribe();
    expect(subject.observed).toBe(false);
    const other = new Lean();
    other.follow(of(1, 2));
    expect(other.log).toEqual(['1', '2', '|']);
    expect(other.closed).toBe(true);
  });
});
