import { Subscriber, type TeardownLogic } from 'rxjs';

/**
 * A subscriber of rxjs's own kind, since for any other observer rxjs makes two objects more. The one teardown that most of them
 * have is held in a field: rxjs would make a list for it, with room for seventeen. A session has twenty of these for as long as it
 * lives.
 */
// As the operators of rxjs itself: what is overridden is what these override.
// eslint-disable-next-line rxjs-x/no-subclass
export abstract class LeanSubscriber<T> extends Subscriber<T> {
  #teardown: Exclude<TeardownLogic, void> | undefined;

  override add(teardown: TeardownLogic): void {
    // A subscriber may be done before us, and tells that what it is held by.
    if (!teardown || this.#teardown || this.closed || teardown instanceof Subscriber) super.add(teardown);
    else this.#teardown = teardown;
  }

  override remove(teardown: Exclude<TeardownLogic, void>): void {
    if (this.#teardown === teardown) this.#teardown = undefined;
    else super.remove(teardown);
  }

  override unsubscribe(): void {
    const teardown = this.#teardown;
    this.#teardown = undefined;
    // Nothing gets through while it is being released either.
    this.isStopped = true;
    try {
      if (typeof teardown === 'function') teardown();
      else teardown?.unsubscribe();
    } finally {
      super.unsubscribe();
    }
  }
}
