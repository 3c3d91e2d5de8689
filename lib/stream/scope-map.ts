import {
  defer,
  Observable,
  Subject,
  takeUntil,
  type Observer,
  type ObservableInput,
  type OperatorFunction,
  type Subscription,
} from 'rxjs';

/**
 * Maps a resource to a resource that lives inside it.
 *
 * Like `switchMap`, but the inner resource is always released before the outer one, and both are released before the
 * end is told: on unsubscribe, on completion and on error. So a stream can still write its footer before its socket
 * goes, and whoever hears of the end (`retry`, say) finds nothing of the old attempt alive.
 *
 * ```text
 * outer      --a-------------
 * subs       ^            !      released second
 * a → inner    --x---y----#
 * subs         ^          !      released first
 * result     ----x---y----#      told last
 * ```
 *
 * Use it between the layers of one attempt, and `switchMap` between attempts. Should the outer source emit again, the
 * former inner resource is released first. An outer error ends the inner resource too; an outer completion waits for it.
 * When the inner resource completes, it is gone because we asked for it, and the outer one goes with it.
 *
 * @param project Makes the inner resource.
 */
export function scopeMap<T, R>(project: (resource: T) => ObservableInput<R>): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      const outer = new Held<T>();
      let inner: Held<R> | undefined;
      let ended = false;
      let tell: (() => void) | undefined;
      let subscribing = 0;

      const release = () => {
        ended = true;
        inner?.release();
        outer.release();
      };
      const settle = () => {
        // A resource that ends while it is being subscribed to has its teardown still to come.
        if (subscribing > 0 || !tell) return;
        release();
        const last = tell;
        tell = undefined;
        last();
      };
      const end = (how: () => void) => {
        if (ended) return;
        ended = true;
        tell = how;
        settle();
      };
      const hold = <V>(held: Held<V>, resource: Observable<V>, observer: Partial<Observer<V>>) => {
        subscribing++;
        held.subscribe(resource, observer);
        subscribing--;
        settle();
      };
      const fail = (error: unknown) => end(() => subscriber.error(error));
      const complete = () => end(() => subscriber.complete());

      subscriber.add(release);
      hold(outer, source, {
        next: (resource) => {
          if (ended) return;
          const former = inner;
          const mine = new Held<R>();
          inner = mine;
          former?.release();
          // The outer source may have emitted again, or ended, from within the teardown.
          if (ended || inner !== mine) return;
          hold(
            mine,
            defer(() => project(resource)),
            {
              next: (value) => !ended && subscriber.next(value),
              error: (error: unknown) => inner === mine && fail(error),
              complete: () => inner === mine && complete(),
            },
          );
        },
        error: fail,
        complete: () => {
          if (!inner) complete();
        },
      });
    });
}

/**
 * A subscription that can be released at any time. While `subscribe` is on the stack there is none to unsubscribe, so
 * `takeUntil` ends it; in the midst of its last notification `takeUntil` no longer does, so it is unsubscribed.
 */
class Held<T> {
  readonly #released$ = new Subject<void>();
  #subscription: Subscription | undefined;

  subscribe(source: Observable<T>, observer: Partial<Observer<T>>): void {
    this.#subscription = source.pipe(takeUntil(this.#released$)).subscribe(observer);
  }

  release(): void {
    this.#released$.next();
    this.#subscription?.unsubscribe();
  }
}
