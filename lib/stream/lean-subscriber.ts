import {
  Subscription,
  type Observable,
  type Observer,
  type Subscriber,
  type TeardownLogic,
  type Unsubscribable,
} from 'rxjs';

/**
 * A subscriber of a few fields. rxjs takes whatever has the methods of one for a subscriber, so it makes no other around it; its own
 * has twice as many fields, and a list with room for seventeen for the one teardown that most of them have. A session has twenty
 * of these for as long as it lives.
 */
export abstract class LeanSubscriber<T> implements Observer<T>, Unsubscribable {
  /** Whether nothing gets through any more: it has ended, or is being released. */
  closed = false;
  /** A subscription of ours where there are several, or one that may be done before us, and tells that what it is held by. */
  #teardown?: TeardownLogic;

  protected abstract entered(value: T): void;
  /** Before it is released. */
  protected abstract ended(how: 'error' | 'complete', error?: unknown): void;

  follow(source$: Observable<T>): void {
    source$.subscribe(this as Observer<T> as Subscriber<T>);
  }

  next(value: T): void {
    if (!this.closed) this.entered(value);
  }

  error(error: unknown): void {
    this.end('error', error);
  }

  complete(): void {
    this.end('complete');
  }

  protected end(how: 'error' | 'complete', error?: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.ended(how, error);
    this.unsubscribe();
  }

  add(teardown: TeardownLogic): void {
    const former = this.#teardown;
    if (this.closed) run(teardown);
    else if (former instanceof Subscription) former.add(teardown);
    else if (!former && !(teardown instanceof Subscription)) this.#teardown = teardown;
    // Itself is returned by whoever hands it on.
    else if (teardown && teardown !== this && !(teardown as Partial<Subscription>).closed) {
      const all = (this.#teardown = new Subscription());
      all.add(former);
      all.add(teardown);
    }
  }

  remove(teardown: Exclude<TeardownLogic, void>): void {
    const held = this.#teardown;
    if (held instanceof Subscription) held.remove(teardown);
    else if (held === teardown) this.#teardown = undefined;
  }

  unsubscribe(): void {
    const teardown = this.#teardown;
    this.#teardown = undefined;
    this.closed = true;
    run(teardown);
  }
}

function run(teardown: TeardownLogic): void {
  if (typeof teardown === 'function') teardown();
  else if (teardown) teardown.unsubscribe();
}
