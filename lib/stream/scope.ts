import { Observable, type OperatorFunction, type Subscriber, type Unsubscribable } from 'rxjs';
import { LeanSubscriber } from './lean-subscriber.js';

/**
 * What our own operators are made of: resources inside one another, for one subscriber. They are released from the innermost to
 * the outermost, and all of them before the end is told. As it is, it holds one resource, and passes on what that emits.
 *
 * A session lies within several of these for as long as it lives, so they are objects of a few fields, and not functions around
 * shared variables.
 */
export class Scope<R> implements Unsubscribable {
  /** Each knows the one around it. */
  #innermost: Held<never> | undefined;
  /** Whether nothing more comes of it. */
  ended = false;
  #then: (() => void) | undefined;
  #subscribing = 0;

  constructor(protected readonly subscriber: Subscriber<R>) {
    subscriber.add(this);
  }

  /** Holds a resource inside the others. */
  hold<V>(resource$: Observable<V>, held = new Held<V>(this)): void {
    if (this.ended) return;
    held.outer = this.#innermost;
    this.#innermost = held;
    this.#subscribing++;
    held.follow(resource$);
    this.#subscribing--;
    this.then();
  }

  unsubscribe(): void {
    this.ended = true;
    for (let held; (held = this.#innermost);) {
      this.#innermost = held.outer;
      held.unsubscribe();
    }
  }

  /** A resource emits. */
  entered(value: unknown, _held: Held<never>): void {
    this.subscriber.next(value as R);
  }

  /** A resource is gone because we asked for it. */
  completed(_held?: Held<never>): void {
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
  protected then(step = this.#then): void {
    this.#then = step;
    if (this.#subscribing > 0 || !step) return;
    this.#then = undefined;
    step();
  }

  /** Lets go of one before its time. */
  protected release(held: Held<never>): void {
    this.forget(held);
    held.unsubscribe();
  }

  /** Nothing of it is left to release. */
  forget(held: Held<never>): void {
    if (this.#innermost === held) this.#innermost = held.outer;
    for (let inner = this.#innermost; inner; inner = inner.outer) if (inner.outer === held) inner.outer = held.outer;
  }
}

/** An operator whose subscriptions are scopes of this kind. */
export function scoped<T, R = T>(make: (subscriber: Subscriber<R>) => Scope<R>): OperatorFunction<T, R> {
  return (source) => new Observable((subscriber) => make(subscriber).hold(source));
}

/**
 * The subscriber to a resource. It can be released at any time: also while `subscribe` is on the stack, and has returned no
 * subscription yet.
 */
export class Held<V> extends LeanSubscriber<V> {
  protected readonly scope: Scope<unknown>;
  /** The resource that it lies inside, within its scope. */
  outer: Held<never> | undefined;

  constructor(scope: Scope<unknown>) {
    super();
    this.scope = scope;
  }

  protected override entered(value: V): void {
    if (this.scope.ended) return;
    try {
      this.scope.entered(value, this);
    } catch (error) {
      this.scope.failed(error, this);
    }
  }

  protected override ended(how: 'error' | 'complete', error?: unknown): void {
    if (how === 'error') this.scope.failed(error, this);
    else this.scope.completed(this);
  }
}

/** The subscriber to what is watched beside a resource, for as long as that lives: its end is no matter. */
export class Watched<V> extends Held<V> {
  protected override ended(): void {
    this.scope.forget(this);
  }
}
