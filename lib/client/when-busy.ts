import { defer, type Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import { UsageError } from '../errors/usage-error.js';
import { Held, Scope, scoped } from '../stream/scope.js';

/**
 * What becomes of options that come while others are at work (an attempt, a session, or a wait for the next one):
 * - `replace` (default): they take over; everything of the others is released first (`switchMap`);
 * - `ignore`: they are passed over (`exhaustMap`);
 * - `error`: the others end, `status$` tells a `UsageError` `busy`, and `session$` errors with it: where that is a mistake.
 *
 * `null` ends what is at work in any case.
 */
export type WhenBusy = 'replace' | 'ignore' | 'error';

/** Whoever does the work. */
export interface Worker<T, R> {
  /** The work. */
  work(value: T | null): Observable<R>;
  /** Is told of the error before it is thrown. */
  failed(error: UsageError): void;
  /** What the last work came to grief by. It is the end only where no other can follow. */
  readonly fatal: unknown;
}

/**
 * Goes from work to work, as each value itself says. What was at work is released before the next begins, or the error is told.
 *
 * ```text
 * source             --a-----b-----
 * whenBusy           --A-----B-----     { whenBusy: 'replace' }
 *                    --A-----------     { whenBusy: 'ignore' }
 *                    --A-----#          { whenBusy: 'error' }: UsageError `busy`
 * ```
 */
export function whenBusy<T extends { readonly whenBusy?: WhenBusy }, R>(
  worker: Worker<T, R>,
): OperatorFunction<T | null, R> {
  return scoped((subscriber) => new Turns(subscriber, worker));
}

class Turns<T extends { readonly whenBusy?: WhenBusy }, R> extends Scope<R> {
  readonly #worker: Worker<T, R>;
  #work: Held<R> | undefined;
  /** Whether no other value can come. */
  #last = false;

  constructor(subscriber: Subscriber<R>, worker: Worker<T, R>) {
    super(subscriber);
    this.#worker = worker;
  }

  override entered(value: R | T | null, held: Held<never>): void {
    if (held === this.#work) super.entered(value, held);
    else this.#take(value as T | null);
  }

  override completed(held: Held<never>): void {
    if (held === this.#work) this.#work = undefined;
    else this.#last = true;
    if (!this.#last || this.#work) this.forget(held);
    else if (this.#worker.fatal) this.failed(this.#worker.fatal);
    else super.completed(held);
  }

  #take(value: T | null): void {
    const policy = (this.#work && value?.whenBusy) || 'replace';
    if (policy === 'ignore') return;
    const former = this.#work;
    const mine = new Held<R>(this);
    this.#work = mine;
    if (former) this.release(former);
    if (this.ended || this.#work !== mine) return;
    if (policy === 'replace')
      return this.hold(
        defer(() => this.#worker.work(value)),
        mine,
      );
    const error = new UsageError('busy', 'other options are at work');
    this.#worker.failed(error);
    this.failed(error);
  }
}
