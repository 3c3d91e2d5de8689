import { asyncScheduler } from 'rxjs';
import type { LifecycleEvent } from '../../lib/trace/lifecycle-event.js';
import { DEFAULT_TIMEOUTS } from '../../lib/transport/timeouts.js';
import type { ConnectContext, Timeouts } from '../../lib/transport/transport.js';

/** What a transport gets to know of an attempt, for specs: the domain `example.org`, and no lot that is not asked for. */
export function connectContext({
  timeouts,
  ...context
}: Partial<Omit<ConnectContext, 'timeouts'>> & { timeouts?: Partial<Timeouts> } = {}): ConnectContext {
  return {
    domain: 'example.org',
    tls: 'required',
    scheduler: asyncScheduler,
    random: () => 0,
    trace: () => undefined,
    ...context,
    timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
  };
}

/** A trace that keeps what it is told, one short line for each event. */
export function traceLines(): { trace: (event: LifecycleEvent) => void; lines: string[] } {
  const lines: string[] = [];
  const trace = (event: LifecycleEvent) => {
    const target = 'target' in event ? ` ${event.target.host} ${event.target.security}` : '';
    const address = 'address' in event && event.address !== undefined ? ` ${event.address}` : '';
    const error = 'error' in event ? ` ${event.error.condition}` : '';
    lines.push(event.type + target + address + error);
  };
  return { trace, lines };
}
