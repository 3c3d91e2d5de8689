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
export class Unacknowledged<T> {
  #items: T[] = [];
  /** Where the items begin: taking from the front of an array costs its length. */
  #first = 0;
  /** The peer's last `h`. */
  acknowledged: number;
  #incomplete: boolean;

  /**
   * @param incomplete Whether the items may not be all that was sent, since they were stored by a process that is gone: the
   * first `h` may then be ahead of them.
   */
  constructor(acknowledged = 0, items: readonly T[] = [], incomplete = false) {
    this.acknowledged = acknowledged;
    this.#items = [...items];
    this.#incomplete = incomplete;
  }

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the newest back. */
  pop(): void {
    if (this.size > 0) this.#items.pop();
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
    const taken = this.#items.slice(this.#first, this.#first + count);
    this.#first += count;
    // Once half of the array is gone, so that each item is moved once at most on average.
    if (this.#first * 2 >= this.#items.length) {
      this.#items = this.list();
      this.#first = 0;
    }
    return taken;
  }

  /** All of them, oldest first. */
  list(): T[] {
    return this.#items.slice(this.#first);
  }
}
