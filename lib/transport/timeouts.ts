import { UsageError } from '../errors/usage-error.js';
import { withDefaults } from '../xml/with-defaults.js';
import type { Timeouts } from './transport.js';

/** The bounds of an attempt where nothing else is asked for, in milliseconds. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  resolve: 10_000,
  target: 10_000,
  connect: 30_000,
  tls: 10_000,
  open: 10_000,
  features: 10_000,
  starttls: 10_000,
  sasl: 15_000,
  bind: 10_000,
  enable: 10_000,
  resume: 10_000,
  close: 5_000,
  deadline: 60_000,
};

/** With the defaults for what is left out. */
export const wholeTimeouts = (timeouts?: Partial<Timeouts>): Timeouts => withDefaults(DEFAULT_TIMEOUTS, timeouts);

/** What timers of the platform can hold, in milliseconds; beyond, they are due at once. */
export const MAX_DUE = 2 ** 31 - 1;

/**
 * @param name The option, for the error.
 * @throws UsageError `bad-option` For what is no bound.
 */
export function checkDue(name: string, due = Infinity): void {
  if (due === Infinity || (due > 0 && due <= MAX_DUE)) return;
  throw new UsageError('bad-option', `\`${name}\` is above 0 and up to ${MAX_DUE}, or Infinity`);
}
