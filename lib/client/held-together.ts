import { Observable, type Subscriber } from 'rxjs';
import { LeanSubscriber } from '../stream/lean-subscriber.js';

/**
 * Makes one of all subscriptions: the source is subscribed to with the first of them, and released with the last. As `share()` of
 * rxjs, which makes a dozen functions for each. What is told is no affair of the source.
 *
 * ```text
 * source               ^--------!    ^----#
 * tell()                 a   b         c
 * held$ of one         ^-a!
 *       of another       ^a--b--!
 *       of a third                   ^-c--#
 * ```
 */
export abstract class HeldTogether<T> {
  #common: Common<T> | undefined;

  /** The source, anew. */
  protected abstract begin(): Observable<never>;
  /** What whoever comes is told first. */
  protected abstract get present(): T | undefined;

  get held$(): Observable<T> {
    return new Observable((holder) => {
      const former = this.#common?.closed ? undefined : this.#common;
      const mine = (this.#common = former ?? new Common());
      // First, since whoever is told of what there is may bring about the next.
      mine.join(holder);
      const { present } = this;
      if (present) holder.next(present);
      if (!former && !mine.closed) mine.follow(this.begin());
    });
  }

  protected tell(value: T): void {
    this.#common?.next(value);
  }
}

/** The subscription for all. */
class Common<T> extends LeanSubscriber<T> {
  // Of just its length: a list that is added to in place has room for sixteen more.
  #holders: readonly Subscriber<T>[] = [];

  join(holder: Subscriber<T>): void {
    this.#holders = this.#holders.concat(holder);
    holder.add(() => {
      this.#holders = this.#holders.filter((other) => other !== holder);
      if (this.#holders.length === 0) this.unsubscribe();
    });
  }

  protected override entered(value: T): void {
    for (const holder of this.#holders) holder.next(value);
  }

  protected override ended(how: 'error' | 'complete', error?: unknown): void {
    const holders = this.#holders;
    // First, so that whoever is told can begin anew.
    this.unsubscribe();
    for (const holder of holders) holder[how](error);
  }
}
