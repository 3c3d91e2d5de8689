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

/**
 * Goes from work to work, as each value itself says. What was at work is released before the next begins, or the error is told.
 *
 * ```text
 * source             --a-----b-----
 * whenBusy           --A-----B-----     { whenBusy: 'replace' }
 *                    --A-----------     { whenBusy: 'ignore' }
 *                    --A-----#          { whenBusy: 'error' }: UsageError `busy`
 * ```
 *
 * @param busy Whether something is at work.
 * @param project The work; cold.
 * @param refused Is told of the error before it is thrown.
 */
export function whenBusy<T extends { readonly whenBusy?: WhenBusy }, R>(
  busy: () => boolean,
  project: (value: T | null) => Observable<R>,
  refused: (error: UsageError) => void,
): OperatorFunction<T | null, R> {
  return scoped((subscriber) => new Turns(subscriber, busy, project, refused));
}

class Turns<T extends { readonly whenBusy?: WhenBusy }, R> extends Scope<R> {
  readonly #busy: () => boolean;
  readonly #project: (value: T | null) => Observable<R>;
  readonly #refused: (error: UsageError) => void;
  #work: Held<R> | undefined;
  /** Whether no other value can come. */
  #last = false;

  constructor(
    subscriber: Subscriber<R>,
    busy: () => boolean,
    project: (value: T | null) => Observable<R>,
    refused: (error: UsageError) => void,
  ) {
    super(subscriber);
    this.#busy = busy;
    this.#project = project;
    this.#refused = refused;
  }

  override entered(value: R | T | null, held: Held<never>): void {
    if (held === this.#work) super.entered(value, held);
    else this.#take(value as T | null);
  }

  override completed(held: Held<never>): void {
    if (held === this.#work) this.#work = undefined;
    else this.#last = true;
    if (this.#last && !this.#work) super.completed(held);
    else this.forget(held);
  }

  #take(value: T | null): void {
    const policy = (this.#busy() && value?.whenBusy) || 'replace';
    if (policy === 'ignore') return;
    const former = this.#work;
    const mine = new Held<R>(this);
    this.#work = mine;
    if (former) this.release(former);
    if (this.ended || this.#work !== mine) return;
    if (policy === 'replace')
      return this.hold(
        defer(() => this.#project(value)),
        mine,
      );
    const error = new UsageError('busy', 'other options are at work');
    this.#refused(error);
    this.failed(error);
  }
}
