import { asyncScheduler, defer, Observable, Subscription, type SchedulerLike } from 'rxjs';

export interface HappyEyeballsConfig<T> {
  /** Milliseconds to wait for one attempt before the next one starts beside it (RFC 8305 section 5). Default 250. */
  readonly delay?: number;
  readonly scheduler?: SchedulerLike;
  /** Is told of each candidate that did not open. */
  readonly failed?: (candidate: T, error: unknown) => void;
}

/**
 * The first of several resources that opens, trying them side by side with a head start for the earlier ones
 * (RFC 8305 section 5).
 *
 * ```text
 * a                          ----------------     a black hole
 * b                             ---#              refused: the next starts at once
 * c                                ---x-----#     the winner; its end is the end
 * happyEyeballs, delay 3     ---------x-----#
 * subs a                     ^        !           losers are released before the winner is told
 * subs b                        ^  !
 * subs c                           ^        !
 * ```
 *
 * Every candidate is tried, not only the first of each family. Where none opens, the result errors with what `allFailed`
 * makes of all their errors, in the order of the candidates. Unsubscribing releases all that run and starts no other.
 *
 * @param open Makes the resource of a candidate: emits once it is ready.
 */
export function happyEyeballs<T, R>(
  candidates: readonly T[],
  open: (candidate: T) => Observable<R>,
  allFailed: (errors: readonly unknown[]) => unknown,
  { delay = 250, scheduler = asyncScheduler, failed }: HappyEyeballsConfig<T> = {},
): Observable<R> {
  return new Observable<R>((subscriber) => {
    const errors = new Map<number, unknown>();
    const running = new Set<Subscription>();
    const nextStart = new Subscription();
    let headStart: Subscription | undefined;
    let started = 0;
    let won = false;

    const startNext = () => {
      headStart?.unsubscribe();
      if (won || subscriber.closed || started === candidates.length) return;
      const index = started++;
      // Made before subscribing, because a candidate may open or fail synchronously.
      const attempt = new Subscription();
      running.add(attempt);
      subscriber.add(attempt);
      if (started < candidates.length) nextStart.add((headStart = scheduler.schedule(startNext, delay)));
      attempt.add(
        defer(() => open(candidates[index]!)).subscribe({
          next: (resource) => {
            if (!won) {
              won = true;
              nextStart.unsubscribe();
              for (const other of running) if (other !== attempt) other.unsubscribe();
              running.clear();
            }
            subscriber.next(resource);
          },
          error: (error: unknown) => {
            if (won) return subscriber.error(error);
            running.delete(attempt);
            subscriber.remove(attempt);
            attempt.unsubscribe();
            errors.set(index, error);
            failed?.(candidates[index]!, error);
            if (errors.size === candidates.length) {
              subscriber.error(allFailed(candidates.map((_, at) => errors.get(at))));
            } else {
              startNext();
            }
          },
          complete: () => subscriber.complete(),
        }),
      );
    };

    subscriber.add(nextStart);
    if (candidates.length === 0) subscriber.error(allFailed([]));
    else startNext();
  });
}
