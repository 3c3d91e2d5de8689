import type { Signal } from './io.js';

/** Somebody asked for the end before there was anything to close. Not a failure: nothing is printed for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: Signal) {
    super(`interrupted by ${signal}`);
  }
}
