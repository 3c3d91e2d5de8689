import { from, type ObservableInput, type OperatorFunction, type Subscriber } from 'rxjs';
import { Held, Scope, scoped } from './scope.js';

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
  return scopeMapWith(undefined, project);
}

/** The same with a function that is told what else it needs: none is made for each stage of each session. */
export function scopeMapWith<C, T, R>(
  config: C,
  project: (resource: T, config: C) => ObservableInput<R>,
): OperatorFunction<T, R> {
  return scoped((subscriber) => new MapScope(subscriber, config, project));
}

/** One outer resource and the one inside it. */
class MapScope<C, T, R> extends Scope<R> {
  readonly #config: C;
  readonly #project: (resource: T, config: C) => ObservableInput<R>;
  #inner: Held<R> | undefined;

  constructor(subscriber: Subscriber<R>, config: C, project: (resource: T, config: C) => ObservableInput<R>) {
    super(subscriber);
    this.#config = config;
    this.#project = project;
  }

  override entered(value: T | R, held: Held<never>): void {
    if (held === this.#inner) super.entered(value, held);
    else this.#enter(value as T);
  }

  override completed(held: Held<never>): void {
    // An inner resource outlives the completion of the outer source.
    if (this.#inner && held !== this.#inner) this.forget(held);
    else super.completed(held);
  }

  #enter(resource: T): void {
    const former = this.#inner;
    const mine = new Held<R>(this);
    this.#inner = mine;
    if (former) this.release(former);
    // The outer source may have emitted again, or ended, from within the teardown.
    if (this.ended || this.#inner !== mine) return;
    this.hold(from(this.#project(resource, this.#config)), mine);
  }
}
