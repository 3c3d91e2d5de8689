import type { SchedulerLike, Subscription } from 'rxjs';

/** What can fall due. All but `due` is for `Deadlines` alone. */
export interface Due {
  /** Milliseconds from when it is added; `Infinity` never falls due. */
  readonly due: number;
  at?: number;
  queue?: Queue;
  before?: Due;
  after?: Due;
}

interface Queue {
  first?: Due;
  last?: Due;
}

/**
 * Many deadlines on one timer. Entries with the same bound fall due in the order in which they came, so each bound has a
 * queue and only the heads are compared. The entries are links of it themselves: adding and removing cost no search and make
 * nothing, whatever the number.
 */
export class Deadlines<T extends Due> {
  readonly #queues = new Map<number, Queue>();
  #timer: Subscription | undefined;
  #timerAt = Infinity;

  constructor(
    private readonly scheduler: SchedulerLike,
    private readonly onDue: (item: T) => void,
  ) {}

  add(item: T): void {
    const { due } = item;
    if (due === Infinity) return;
    let queue = this.#queues.get(due);
    if (!queue) this.#queues.set(due, (queue = {}));
    item.queue = queue;
    item.before = queue.last;
    if (queue.last) queue.last.after = item;
    else queue.first = item;
    queue.last = item;
    item.at = this.scheduler.now() + due;
    if (item.at < this.#timerAt) this.#arm(item.at);
  }

  /** Does nothing where it is not in, or not any more. */
  remove(item: T): void {
    unlink(item);
  }

  /** Gives the timer back; to be called when nothing is left. */
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
      for (let item; (item = queue.first as T | undefined) && item.at! <= now;) {
        unlink(item);
        due.push(item);
      }
      if (queue.first) next = Math.min(next, queue.first.at!);
      else this.#queues.delete(bound);
    }
    if (next < Infinity) this.#arm(next);
    for (const item of due) this.onDue(item);
  }
}

function unlink(item: Due): void {
  const { queue, before, after } = item;
  if (!queue) return;
  if (before) before.after = after;
  else queue.first = after;
  if (after) after.before = before;
  else queue.last = before;
  item.queue = item.before = item.after = undefined;
}
