import { asyncScheduler, Observable, type MonoTypeOperatorFunction, type SchedulerLike, type Subscription } from 'rxjs';
import type { Phase } from '../errors/phase.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';

export interface ExtendableTimeoutConfig {
  /** Milliseconds to each next value, or to the end; `Infinity` for no bound. */
  readonly due: number;
  /**
   * Is asked when the time is up: how many milliseconds more, 0 for none.
   *
   * @param elapsed Milliseconds since the last value, or the beginning.
   * @param times How often it was asked since.
   */
  readonly extend?: (elapsed: number, times: number) => number;
  /** What the error names; `online` by default. */
  readonly phase?: Phase;
  readonly scheduler?: SchedulerLike;
}

/**
 * Bounds one operation (a delivery, a request, a read), and asks for more time before it gives up: for a slow link, or a user who
 * is asked whether to wait on.
 *
 * ```text
 * source                              --a---------b|
 * extend                                     2 0
 * extendableTimeout({ due: 5 })       --a------#           XmppTimeoutError after 5 + 2
 * ```
 *
 * ```ts
 * session.deliver(stanza).pipe(extendableTimeout({ due: 5_000, extend: (_, times) => (times < 3 ? 5_000 : 0) }))
 * ```
 *
 * The source is released before the error is told. What `extend` throws is the error.
 */
export function extendableTimeout<T>(config: ExtendableTimeoutConfig): MonoTypeOperatorFunction<T> {
  const { due, extend = () => 0, phase = 'online', scheduler = asyncScheduler } = config;
  return (source) =>
    new Observable<T>((subscriber) => {
      let timer: Subscription | undefined;
      let elapsed = 0;
      let times = 0;
      const disarm = () => {
        timer?.unsubscribe();
        timer = undefined;
      };
      const arm = (delay: number) => {
        disarm();
        // Whoever has enough may still be told more, where all of it comes at once.
        if (delay < Infinity && !subscriber.closed) timer = scheduler.schedule(() => ask(delay), delay);
      };
      const fail = (error: unknown) => {
        held.unsubscribe();
        disarm();
        subscriber.error(error);
      };
      const ask = (waited: number) => {
        elapsed += waited;
        let more: number;
        try {
          more = extend(elapsed, ++times);
        } catch (error) {
          return fail(error);
        }
        if (subscriber.closed) return;
        if (more > 0) arm(more);
        else fail(new XmppTimeoutError(phase, elapsed));
      };
      const begin = () => {
        elapsed = 0;
        times = 0;
        arm(due);
      };
      subscriber.add(disarm);
      begin();
      const held = source.subscribe({
        next: (value) => {
          begin();
          subscriber.next(value);
        },
        error: (error: unknown) => {
          disarm();
          subscriber.error(error);
        },
        complete: () => {
          disarm();
          subscriber.complete();
        },
      });
      subscriber.add(held);
    });
}
