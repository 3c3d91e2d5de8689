import type { Outgoing } from './delivery.js';

/**
 * What a connection was given and has not yet handed to the operating system, oldest first. A connection tells of its writes
 * in their order, so one function serves them all, and a stanza on its way costs a place in an array.
 */
export class WriteQueue {
  #items: Outgoing[] = [];
  #head = 0;

  push(outgoing: Outgoing): void {
    this.#items.push(outgoing);
  }

  /** Takes back the last one: it was not written after all. */
  pop(): void {
    this.#items.pop();
  }

  /** The oldest one was written. */
  written(): void {
    const outgoing = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head === 1024) {
      // Now and then, as taking from the front of an array costs its length.
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    outgoing?.written(!outgoing.counted);
  }

  /** What is still on its way. */
  list(): Outgoing[] {
    return this.#items.slice(this.#head);
  }
}
