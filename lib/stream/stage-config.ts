import { asyncScheduler, noop, type SchedulerLike } from 'rxjs';
import type { Trace } from '../trace/lifecycle-event.js';
import { wholeTimeouts } from '../transport/timeouts.js';
import type { Timeouts } from '../transport/transport.js';

/** What every stage of an attempt takes; each has a default, so that a stage can be used alone. */
export interface StageConfig {
  /** Bounds of the phases, in milliseconds. */
  readonly timeouts?: Partial<Timeouts>;
  /** Every timer of the stage; `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
  /** Is told of each lifecycle event of the stage. */
  readonly trace?: Trace;
}

export interface Stage {
  readonly timeouts: Timeouts;
  readonly scheduler: SchedulerLike;
  readonly trace: Trace;
}

export function stageOf({ timeouts, scheduler = asyncScheduler, trace = noop }: StageConfig): Stage {
  return { timeouts: wholeTimeouts(timeouts), scheduler, trace };
}
