import {
  from,
  Observable,
  type ObservableInput,
  type Observer,
  type OperatorFunction,
  type Subscriber,
  type Unsubscribable,
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
      const scope = new Scope(subscriber, project);
      subscriber.add(scope);
      scope.begin(source);
    });
}

/**
 * One outer resource and the one inside it. A session lies within nine of these, so they are objects of a few fields, and not
 * functions around shared variables.
 */
class Scope<T, R> implements Unsubscribable {
  readonly #subscriber: Subscriber<R>;
  readonly #project: (resource: T) => ObservableInput<R>;
  readonly #outer: Outer<T, R>;
  #inner: Inner<T, R> | undefined;
  #ended = false;
  #tell: (() => void) | undefined;
  #subscribing = 0;

  constructor(subscriber: Subscriber<R>, project: (resource: T) => ObservableInput<R>) {
    this.#subscriber = subscriber;
    this.#project = project;
    this.#outer = new Outer(this);
  }

  begin(source: Observable<T>): void {
    this.#hold(this.#outer, source);
  }

  unsubscribe(): void {
    this.#ended = true;
    this.#inner?.release();
    this.#outer.release();
  }

  /** The outer source emits. */
  enter(resource: T): void {
    if (this.#ended) return;
    const former = this.#inner;
    const mine = new Inner(this);
    this.#inner = mine;
    former?.release();
    // The outer source may have emitted again, or ended, from within the teardown.
    if (this.#ended || this.#inner !== mine) return;
    let inner$: Observable<R>;
    try {
      inner$ = from(this.#project(resource));
    } catch (error) {
      return this.end(() => this.#subscriber.error(error));
    }
    this.#hold(mine, inner$);
  }

  /** The inner resource emits. */
  pass(value: R): void {
    if (!this.#ended) this.#subscriber.next(value);
  }

  fail(error: unknown, inner?: Inner<T, R>): void {
    if (inner === undefined || inner === this.#inner) this.end(() => this.#subscriber.error(error));
  }

  complete(inner?: Inner<T, R>): void {
    // An inner resource outlives the completion of the outer source.
    if (inner === this.#inner) this.end(() => this.#subscriber.complete());
  }

  end(how: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#tell = how;
    this.#settle();
  }

  #hold<V>(held: Held<V>, resource: Observable<V>): void {
    this.#subscribing++;
    held.hold(resource);
    this.#subscribing--;
    this.#settle();
  }

  #settle(): void {
    // A resource that ends while it is being subscribed to has its teardown still to come.
    if (this.#subscribing > 0 || !this.#tell) return;
    this.unsubscribe();
    const last = this.#tell;
    this.#tell = undefined;
    last();
  }
}

/** A subscription that can be released at any time: also while `subscribe` is on the stack, and has returned none yet. */
abstract class Held<V> implements Observer<V> {
  #subscriber: Subscriber<V> | undefined;

  abstract next(value: V): void;
  abstract error(error: unknown): void;
  abstract complete(): void;

  hold(resource: Observable<V>): void {
    const subscription = new Observable<V>((subscriber) => {
      this.#subscriber = subscriber;
      subscriber.add(resource.subscribe(subscriber));
    }).subscribe(this);
    // What has completed is to be forgotten, while the other one lives.
    subscription.add(() => (this.#subscriber = undefined));
  }

  release(): void {
    this.#subscriber?.unsubscribe();
  }
}

class Outer<T, R> extends Held<T> {
  constructor(private readonly scope: Scope<T, R>) {
    super();
  }

  next(resource: T): void {
    this.scope.enter(resource);
  }

  error(error: unknown): void {
    this.scope.fail(error);
  }

  complete(): void {
    this.scope.complete();
  }
}

class Inner<T, R> extends Held<R> {
  constructor(private readonly scope: Scope<T, R>) {
    super();
  }

  next(value: R): void {
    this.scope.pass(value);
  }

  error(error: unknown): void {
    this.scope.fail(error, this);
  }

  complete(): void {
    this.scope.complete(this);
  }
}
