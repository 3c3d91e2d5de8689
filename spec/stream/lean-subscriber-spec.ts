import { Observable, of, Subject, Subscriber, Subscription } from 'rxjs';
import { LeanSubscriber } from '../../lib/stream/lean-subscriber.js';

/** Keeps what it is told. */
class Lean extends LeanSubscriber<number> {
  readonly log: string[] = [];

  protected override _next(value: number): void {
    this.log.push(String(value));
  }

  protected override _complete(): void {
    this.log.push('|');
    this.unsubscribe();
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

  it('keeps no subscriber that is done', () => {
    const lean = new Lean();
    const inner = new Subscriber<number>();
    lean.add(inner);
    inner.unsubscribe();
    const again = jest.spyOn(inner, 'unsubscribe');
    lean.unsubscribe();
    expect(again).not.toHaveBeenCalled();
  });

  it('lets nothing through while it is being released', () => {
    const lean = new Lean();
    new Observable<number>((subscriber) => {
      subscriber.next(1);
      return () => subscriber.next(2);
    }).subscribe(lean);
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
    subject.subscribe(lean);
    subject.next(1);
    lean.unsubscribe();
    expect(subject.observed).toBe(false);
    const other = new Lean();
    of(1, 2).subscribe(other);
    expect(other.log).toEqual(['1', '2', '|']);
    expect(other.closed).toBe(true);
  });
});
