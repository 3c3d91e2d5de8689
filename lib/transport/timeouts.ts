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

const NAMES = Object.keys(DEFAULT_TIMEOUTS) as (keyof Timeouts)[];

/** With the defaults for what is left out. What is whole stays the one object that it is. */
export function wholeTimeouts(timeouts: Partial<Timeouts> = {}): Timeouts {
  const given = NAMES.filter((name) => timeouts[name] !== undefined);
  if (given.length === 0) return DEFAULT_TIMEOUTS;
  if (given.length === NAMES.length) return timeouts as Timeouts;
  return { ...DEFAULT_TIMEOUTS, ...Object.fromEntries(given.map((name) => [name, timeouts[name]])) };
}
