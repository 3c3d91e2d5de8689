import type { SchedulerLike, Subscription } from 'rxjs';

interface Entry<T> {
  readonly item: T;
  readonly at: number;
}

/**
 * Many deadlines on one timer. Entries with the same bound fall due in the order in which they came, so each bound has a
 * queue and only the heads are compared: adding and removing cost no search, whatever the number.
 */
export class Deadlines<T> {
  readonly #queues = new Map<number, Map<T, Entry<T>>>();
  #timer: Subscription | undefined;
  #timerAt = Infinity;

  constructor(
    private readonly scheduler: SchedulerLike,
    private readonly onDue: (item: T) => void,
  ) {}

  /** @param due Milliseconds from now; `Infinity` never falls due. */
  add(item: T, due: number): void {
    if (due === Infinity) return;
    const at = this.scheduler.now() + due;
    let queue = this.#queues.get(due);
    if (!queue) this.#queues.set(due, (queue = new Map()));
    queue.set(item, { item, at });
    if (at < this.#timerAt) this.#arm(at);
  }

  remove(item: T, due: number): void {
    this.#queues.get(due)?.delete(item);
  }

  /** Forgets all entries and gives the timer back. */
  clear(): void {
    this.#queues.clear();
    this.#disarm();
  }

  #arm(at: number): void {
    this.#disarm();
    this.#timerAt = at;
    this.#timer = this.scheduler.schedule(() => this.#sweep(), Math.max(0, at - this.scheduler.now()));
  }

  #disarm(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #sweep(): void {
    this.#disarm();
    const now = this.scheduler.now();
    const due: T[] = [];
    let next = Infinity;
    for (const [bound, queue] of this.#queues) {
      for (const { item, at } of queue.values()) {
        if (at > now) {
          next = Math.min(next, at);
          break;
        }
        queue.delete(item);
        due.push(item);
      }
      if (queue.size === 0) this.#queues.delete(bound);
    }
    if (next < Infinity) this.#arm(next);
    for (const item of due) this.onDue(item);
  }
}
