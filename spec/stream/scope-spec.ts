import { NEVER, Observable, of, Subject, type Subscriber } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { Held, Scope, scoped } from '../../lib/stream/scope.js';

/** A resource that says when it begins, and when it is released. */
function resource(name: string, log: string[], begin: (subscriber: Subscriber<string>) => void = () => undefined) {
  return new Observable<string>((subscriber) => {
    log.push(`+${name}`);
    subscriber.add(() => log.push(`-${name}`));
    begin(subscriber);
  });
}

/** Lets a spec do what operators do. */
class Open extends Scope<string> {
  override then(step: () => void): void {
    super.then(step);
  }

  override release(held: Held<never>): void {
    super.release(held);
  }
}

function open(log: string[]) {
  let scope!: Open;
  const subscription = new Observable<string>((subscriber) => {
    scope = new Open(subscriber);
  }).subscribe({
    next: (value) => log.push(value),
    error: (error) => log.push(`#${String(error)}`),
    complete: () => log.push('|'),
  });
  return { scope, subscription };
}

describe('Scope', () => {
  it(
    'passes one resource on',
    marbles((m) => {
      const rows = [
        { source: '  -a-b-|', subs: '^----!', result: '-a-b-|' },
        { source: '  -a-b-#', subs: '^----!', result: '-a-b-#' },
        { source: '  ------', subs: '^', result: '------' },
        { source: '  -a-b--', subs: '^--!', unsub: '^--!', result: '-a----' },
        { source: '  (a|)', subs: '(^!)', result: '(a|)' },
      ];
      for (const { source, subs, unsub, result } of rows) {
        const source$ = m.cold(source);
        const passed$ = source$.pipe(scoped((subscriber) => new Scope(subscriber)));
        m.expect(passed$, unsub!).toBeObservable(result);
        m.expect(source$).toHaveSubscriptions(subs);
      }
    }),
  );

  it.each(['unsubscribe', 'error', 'complete'] as const)('releases the innermost first, and tells last (%s)', (how) => {
    const log: string[] = [];
    const { scope, subscription } = open(log);
    const inner$ = new Subject<string>();
    scope.hold(resource('outer', log));
    scope.hold(resource('middle', log));
    scope.hold(resource('inner', log, (subscriber) => subscriber.add(inner$.subscribe(subscriber))));
    if (how === 'unsubscribe') subscription.unsubscribe();
    else if (how === 'error') inner$.error('lost');
    else inner$.complete();
    const told = { unsubscribe: [], error: ['#lost'], complete: ['|'] }[how];
    expect(log).toEqual(['+outer', '+middle', '+inner', '-inner', '-middle', '-outer', ...told]);
    expect(scope.ended).toBe(true);
  });

  it('waits for the teardown of what ends while it is being subscribed to', () => {
    const log: string[] = [];
    const { scope } = open(log);
    scope.hold(
      new Observable<string>((subscriber) => {
        subscriber.error('at once');
        return () => log.push('torn down');
      }),
    );
    expect(log).toEqual(['torn down', '#at once']);
  });

  it('holds nothing any more once it has ended', () => {
    const log: string[] = [];
    const { scope, subscription } = open(log);
    subscription.unsubscribe();
    scope.hold(resource('late', log));
    expect(log).toEqual([]);
  });

  it('releases one that is still being subscribed to', () => {
    const log: string[] = [];
    const { scope } = open(log);
    const held = new Held<string>(scope);
    scope.hold(
      resource('restless', log, (subscriber) => {
        scope.release(held);
        subscriber.next('unheard');
      }),
      held,
    );
    expect(log).toEqual(['+restless', '-restless']);
    expect(scope.ended).toBe(false);
  });

  it('forgets what has completed', () => {
    const log: string[] = [];
    class Lenient extends Scope<string> {
      override completed(held: Held<never>): void {
        this.forget(held);
      }
    }
    const subscription = of(1, 2)
      .pipe(scoped((subscriber: Subscriber<string>) => new Lenient(subscriber)))
      .subscribe({ next: (value) => log.push(String(value)), complete: () => log.push('|') });
    expect(log).toEqual(['1', '2']);
    expect(subscription.closed).toBe(false);
    subscription.unsubscribe();
  });

  it('goes on as soon as nothing is being subscribed to', () => {
    const log: string[] = [];
    const { scope, subscription } = open(log);
    scope.hold(
      resource('first', log, () => {
        scope.then(() => scope.hold(resource('second', log)));
        log.push('later');
      }),
    );
    scope.hold(NEVER);
    expect(log).toEqual(['+first', 'later', '+second']);
    subscription.unsubscribe();
    expect(log.slice(3)).toEqual(['-second', '-first']);
  });
});
