import { Queue } from '../queue.js';

// Counters of XEP-0198 are unsigned 32-bit numbers and wrap (section 4), as `>>> 0` does.

/** One more, modulo 2^32. */
export function increment(counter: number): number {
  return (counter + 1) >>> 0;
}

/** Reads an `h` as the schema has it (XEP-0198 section 12: xs:unsignedInt); `undefined` for anything else. */
export function parseCount(text = ''): number | undefined {
  const count = Number(text);
  return /^\d{1,10}$/.test(text) && count >>> 0 === count ? count : undefined;
}

/**
 * What was sent and not yet acknowledged, in order. The peer's `h` counts all that it has handled since stream management
 * was enabled; only what lies between its last value and the number sent can be true.
 */
export class Unacknowledged<T> extends Queue<T> {
  /** The peer's last `h`. */
  acknowledged: number;
  #incomplete: boolean;

  /**
   * @param incomplete Whether the items may not be all that was sent, since they were stored by a process that is gone: the
   * first `h` may then be ahead of them.
   */
  constructor(acknowledged = 0, items?: T[], incomplete = false) {
    super(items);
    this.acknowledged = acknowledged;
    this.#incomplete = incomplete;
  }

  /**
   * Takes what the peer acknowledges.
   *
   * @returns The items, oldest first; `undefined` where `h` is outside the window, so that nothing can be believed.
   */
  acknowledge(h: number): T[] | undefined {
    const ahead = (h - this.acknowledged) >>> 0;
    const count = this.#incomplete && ahead < 2 ** 31 ? Math.min(ahead, this.size) : ahead;
    if (count > this.size) return undefined;
    this.#incomplete = false;
    this.acknowledged = h;
    const taken: T[] = [];
    while (taken.length < count) taken.push(this.shift()!);
    return taken;
  }
}
