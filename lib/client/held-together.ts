import { Observable, type Subscriber } from 'rxjs';
import { LeanSubscriber } from '../stream/lean-subscriber.js';

/**
 * Makes one of all subscriptions: the source is subscribed to with the first of them, and released with the last. As `share()` of
 * rxjs for what emits nothing, which makes a dozen functions for each.
 *
 * ```text
 * source               ^--------!    ^----#
 * heldTogether a       ^--!
 *              b         ^------!
 *              c                     ^----#
 * ```
 */
export function heldTogether(source: Observable<never>): Observable<never> {
  let common: Common | undefined;
  return new Observable((holder) => {
    const former = common?.closed ? undefined : common;
    const mine = (common = former ?? new Common());
    mine.join(holder);
    if (!former) source.subscribe(mine);
  });
}

/** The subscription for all. */
class Common extends LeanSubscriber<never> {
  // Of just its length: a list that is added to in place has room for sixteen more.
  #holders: readonly Subscriber<never>[] = [];

  join(holder: Subscriber<never>): void {
    this.#holders = this.#holders.concat(holder);
    holder.add(() => {
      this.#holders = this.#holders.filter((other) => other !== holder);
      if (this.#holders.length === 0) this.unsubscribe();
    });
  }

  protected override _error(error: unknown): void {
    this.#end((holder) => holder.error(error));
  }

  protected override _complete(): void {
    this.#end((holder) => holder.complete());
  }

  #end(tell: (holder: Subscriber<never>) => void): void {
    const holders = this.#holders;
    // First, so that whoever is told can begin anew.
    this.unsubscribe();
    holders.forEach(tell);
  }
}
