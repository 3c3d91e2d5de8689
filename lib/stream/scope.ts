import { Observable, type Observer, type OperatorFunction, type Subscriber, type Unsubscribable } from 'rxjs';

/**
 * What our own operators are made of: resources inside one another, for one subscriber. They are released from the innermost to
 * the outermost, and all of them before the end is told. As it is, it holds one resource, and passes on what that emits.
 *
 * A session lies within several of these for as long as it lives, so they are objects of a few fields, and not functions around
 * shared variables.
 */
export class Scope<R> implements Unsubscribable {
  /** The outermost first. */
  #held: Held<never>[] = [];
  /** Whether nothing more comes of it. */
  ended = false;
  #then: (() => void) | undefined;
  #subscribing = 0;

  declare protected readonly subscriber: Subscriber<R>;

  constructor(subscriber: Subscriber<R>) {
    this.subscriber = subscriber;
    subscriber.add(this);
  }

  /** Holds a resource inside the others. */
  hold<V>(resource$: Observable<V>, held = new Held<V>(this)): void {
    if (this.ended) return;
    this.#held = [...this.#held, held];
    this.#subscribing++;
    held.hold(resource$);
    this.#subscribing--;
    this.#settle();
  }

  unsubscribe(): void {
    this.ended = true;
    for (let held; (held = this.#held.pop());) held.release();
  }

  /** A resource emits. */
  entered(value: unknown, _held: Held<never>): void {
    this.subscriber.next(value as R);
  }

  /** A resource is gone because we asked for it. */
  completed(_held: Held<never>): void {
    this.end(() => this.subscriber.complete());
  }

  /** A resource is lost, or something of ours has thrown. */
  failed(error: unknown, _held?: Held<never>): void {
    this.end(() => this.subscriber.error(error));
  }

  /** @param how Tells the end, once all is released. */
  protected end(how: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.then(() => {
      this.unsubscribe();
      how();
    });
  }

  /** Goes on as soon as nothing is being subscribed to: what ends while it is has its teardown still to come. */
  protected then(step: () => void): void {
    this.#then = step;
    this.#settle();
  }

  /** Lets go of one before its time. */
  protected release(held: Held<never>): void {
    this.forget(held);
    held.release();
  }

  /** Nothing of it is left to release. */
  protected forget(held: Held<never>): void {
    this.#held = this.#held.filter((other) => other !== held);
  }

  #settle(): void {
    const step = this.#then;
    if (this.#subscribing > 0 || !step) return;
    this.#then = undefined;
    step();
  }
}

/** An operator whose subscriptions are scopes of this kind. */
export function scoped<T, R = T>(make: (subscriber: Subscriber<R>) => Scope<R>): OperatorFunction<T, R> {
  return (source) => new Observable((subscriber) => make(subscriber).hold(source));
}

/** A subscription that can be released at any time: also while `subscribe` is on the stack, and has returned none yet. */
export class Held<V> implements Observer<V> {
  #subscriber: Subscriber<V> | undefined;

  readonly #scope: Scope<unknown>;

  constructor(scope: Scope<unknown>) {
    this.#scope = scope;
  }

  next(value: V): void {
    if (this.#scope.ended) return;
    try {
      this.#scope.entered(value, this);
    } catch (error) {
      this.#scope.failed(error, this);
    }
  }

  error(error: unknown): void {
    this.#scope.failed(error, this);
  }

  complete(): void {
    this.#scope.completed(this);
    // What has completed is to be forgotten, while the others live.
    this.#subscriber = undefined;
  }

  hold(resource$: Observable<V>): void {
    const subscription = new Observable<V>((subscriber) => {
      this.#subscriber = subscriber;
      subscriber.add(resource$.subscribe(subscriber));
    }).subscribe(this);
    if (subscription.closed) this.#subscriber = undefined;
  }

  release(): void {
    this.#subscriber?.unsubscribe();
  }
}
