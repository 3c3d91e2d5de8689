import { secureRandom } from '../session/secure-random.js';

export interface BackoffConfig {
  /** Upper bound of the first delay, in milliseconds; 1,000 by default. */
  readonly initial?: number;
  /** Upper bound of every delay, in milliseconds; 120,000 by default. */
  readonly max?: number;
  /** What the bound grows by with each failure; 2 by default. */
  readonly factor?: number;
  /** As `Math.random`. */
  readonly random?: () => number;
}

/** The delay before a retry, in milliseconds, by the number of failures before it; from 2^31 on there is none but by request. */
export type Backoff = (failures: number) => number;

/**
 * Exponential backoff with full jitter: each delay is drawn evenly from zero to a bound that doubles up to a cap. So
 * thousands of clients that lost one server together do not come back together (RFC 6120 section 3.3).
 *
 * With a cap of 120 s an unreachable server sees each client every 60 s on average, 1.7 % of them in any second.
 */
export function backoff({
  initial = 1_000,
  max = 120_000,
  factor = 2,
  random = secureRandom,
}: BackoffConfig = {}): Backoff {
  return (failures) => Math.floor(random() * Math.min(max, initial * factor ** failures));
}
