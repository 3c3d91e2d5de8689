import { Subscription, type SchedulerLike } from 'rxjs';

/**
 * Runs `task` after `delay` milliseconds by the scheduler, unless `owner` is unsubscribed before. The owner forgets it once
 * it has run. A task that throws does not harm the scheduler's others: it throws out of the scheduler's turn, as a timer does.
 */
export function later(scheduler: SchedulerLike, owner: Subscription, delay: number, task: () => void): Subscription {
  const timer = new Subscription();
  owner.add(timer);
  timer.add(
    scheduler.schedule(() => {
      owner.remove(timer);
      task();
    }, delay),
  );
  return timer;
}
