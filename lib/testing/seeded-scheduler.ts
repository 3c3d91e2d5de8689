import { Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

type Work<T> = (this: SchedulerAction<T>, state?: T) => void;

/**
 * Virtual time in which timers that fall due together run in an order drawn by chance: what is right only because one timer
 * happens to come before another does not stay right. The same chance gives the same order.
 */
export class SeededScheduler {
  readonly #random: () => number;
  readonly #queue = new Heap();
  #now = 0;
  #count = 0;

  /** @param random As `Math.random`, seeded. */
  constructor(random: () => number) {
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  /** A scheduler in this time, which counts its own timers: one for each party whose leaks are to be told apart. */
  party(): SeededParty {
    return new SeededParty(this);
  }

  /** Lets time pass up to and including `until`, in milliseconds. */
  runUntil(until: number): void {
    for (let next = this.#queue.peek(); next && next.at <= until; next = this.#queue.peek()) {
      this.#queue.pop();
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, until);
  }

  /** @internal */
  enqueue(delay: number, run: () => void): void {
    const at = this.#now + Math.max(0, delay);
    if (!(at < Infinity)) return;
    this.#queue.push({ at, tie: this.#random(), order: this.#count++, run });
  }
}

/** A `SchedulerLike` of a `SeededScheduler`. */
export class SeededParty implements SchedulerLike {
  /** Timers that are set and have neither run nor been cancelled. */
  pending = 0;

  constructor(private readonly time: SeededScheduler) {}

  now(): number {
    return this.time.now();
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    return new SeededAction(this, this.time, work).schedule(state, delay);
  }
}

/** One task, which can set itself anew while it runs, as those of RxJS's own schedulers can. */
class SeededAction<T> extends Subscription implements SchedulerAction<T> {
  /** Tells the timer that counts from those that were replaced. */
  #current: object | undefined;

  constructor(
    private readonly party: SeededParty,
    private readonly time: SeededScheduler,
    private readonly work: Work<T>,
  ) {
    super(() => this.#drop());
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this;
    this.#drop();
    const timer = {};
    this.#current = timer;
    this.party.pending++;
    this.time.enqueue(delay, () => {
      if (this.#current !== timer) return;
      this.#drop();
      this.work.call(this, state);
      if (!this.#current) this.unsubscribe();
    });
    return this;
  }

  #drop(): void {
    if (!this.#current) return;
    this.#current = undefined;
    this.party.pending--;
  }
}

interface Task {
  readonly at: number;
  readonly tie: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap: the earliest first. */
class Heap {
  readonly #tasks: Task[] = [];

  peek(): Task | undefined {
    return this.#tasks[0];
  }

  push(task: Task): void {
    const tasks = this.#tasks;
    let index = tasks.push(task) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(task, tasks[parent]!)) break;
      tasks[index] = tasks[parent]!;
      index = parent;
    }
    tasks[index] = task;
  }

  pop(): void {
    const tasks = this.#tasks;
    const last = tasks.pop()!;
    const { length } = tasks;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && before(tasks[child + 1]!, tasks[child]!)) child++;
      if (!before(tasks[child]!, last)) break;
      tasks[index] = tasks[child]!;
      index = child;
    }
    tasks[index] = last;
  }
}

function before(one: Task, other: Task): boolean {
  return one.at - other.at < 0 || (one.at === other.at && (one.tie - other.tie || one.order - other.order) < 0);
}
