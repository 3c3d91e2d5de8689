/** What all queues have that nothing was put into; it stays empty. */
const NONE: never[] = [];

/** What awaits something, oldest first. */
export class Queue<T> {
  #items: T[];
  /** Where the items begin: taking from the front of an array costs its length. */
  #first = 0;

  /** @param items Are its own from now on. */
  constructor(items: T[] = NONE) {
    this.#items = items;
  }

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    if (this.#items === NONE) this.#items = [];
    this.#items.push(item);
  }

  /** Takes the newest back. */
  pop(): void {
    if (this.size > 0) this.#items.pop();
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    const item = this.#items[this.#first++];
    if (this.size <= 0) {
      this.#items = NONE;
      this.#first = 0;
    } else if (this.#first >= 16 && this.#first * 2 >= this.#items.length) {
      // Once half of the array is gone, so that each item is moved once at most on average.
      this.#items = this.list();
      this.#first = 0;
    }
    return item;
  }

  /** All of them, oldest first. */
  list(): T[] {
    return this.#items.slice(this.#first);
  }
}
