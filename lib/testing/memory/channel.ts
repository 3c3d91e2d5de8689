import { Subscription, type SchedulerLike } from 'rxjs';
import { later } from './later.js';

/** One direction of a link: things arrive in the order in which they were sent, each after its latency. */
export class Channel<T> {
  readonly #scheduler: SchedulerLike;
  readonly #latency: () => number;
  readonly #deliver: (item: T) => void;
  #tasks = new Subscription();
  #closed = false;
  #queue: (() => void)[] = [];
  #due = 0;
  #last = -Infinity;
  #held = false;

  constructor(scheduler: SchedulerLike, latency: () => number, deliver: (item: T) => void) {
    this.#scheduler = scheduler;
    this.#latency = latency;
    this.#deliver = deliver;
  }

  send(item: T): void {
    this.after(() => this.#deliver(item));
  }

  /** Runs a task once all that was sent before has arrived, after the latency of something sent now. */
  after(task: () => void): void {
    if (this.#closed) return;
    this.#queue.push(task);
    const now = this.#scheduler.now();
    // Never before what was sent before: latency may vary.
    this.#last = Math.max(this.#last, now + this.#latency());
    later(this.#scheduler, this.#tasks, this.#last - now, () => {
      this.#due++;
      this.#release();
    });
  }

  /** Nothing arrives any more (`true`), or all that was held back, and everything again (`false`). */
  hold(held: boolean): void {
    this.#held = held;
    this.#release();
  }

  /** Lets all arrive at once what takes no time. */
  hurry(): void {
    if (this.#last > this.#scheduler.now() || this.#held) return;
    this.#tasks.unsubscribe();
    this.#tasks = new Subscription();
    this.#due = this.#queue.length;
    this.#release();
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#tasks.unsubscribe();
  }

  /** Which timer rings does not matter: each lets one thing through, the oldest. */
  #release(): void {
    while (!this.#held && this.#due > 0 && this.#queue.length > 0) {
      this.#due--;
      this.#queue.shift()!();
    }
    if (this.#queue.length === 0) this.#due = 0;
  }
}
