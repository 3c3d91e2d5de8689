import type { Observable, Subscription } from 'rxjs';

export interface Watch<T> {
  readonly values: readonly T[];
  /** What was told, in order: `next`, `error`, `complete`. */
  readonly log: readonly string[];
  readonly error: unknown;
  readonly subscription: Subscription;
  /** Resolves with the first value; rejects with the error, or where there is none. */
  readonly first: Promise<T>;
  /** Resolves once it has errored or completed. */
  readonly ended: Promise<void>;
  unsubscribe(): void;
}

/** Subscribes, and keeps what is told. */
export function watch<T>(source: Observable<T>): Watch<T> {
  const values: T[] = [];
  const log: string[] = [];
  let error: unknown;
  let first!: { resolve: (value: T) => void; reject: (error: unknown) => void };
  let end!: () => void;
  const firstPromise = new Promise<T>((resolve, reject) => (first = { resolve, reject }));
  // Who does not ask for the first value is not to be bothered with its absence.
  firstPromise.catch(() => undefined);
  const ended = new Promise<void>((resolve) => (end = resolve));
  const subscription = source.subscribe({
    next: (value) => {
      values.push(value);
      log.push('next');
      first.resolve(value);
    },
    error: (reason: unknown) => {
      error = reason;
      log.push('error');
      first.reject(reason);
      end();
    },
    complete: () => {
      log.push('complete');
      first.reject(new Error('no value'));
      end();
    },
  });
  return {
    values,
    log,
    get error() {
      return error;
    },
    subscription,
    first: firstPromise,
    ended,
    unsubscribe: () => subscription.unsubscribe(),
  };
}
