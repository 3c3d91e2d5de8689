import fc from 'fast-check';
import { config } from 'rxjs';
import type { AnySubject } from './subject.js';

/** What was found of one subject. */
export interface Finding {
  readonly name: string;
  readonly inputs: number;
  /**
   * Milliseconds of processor time of the slowest input, and the least of some tries: on a busy machine the clock says how long we waited
   * for our turn, and once in a while an input comes upon a collection of garbage that others have left.
   */
  readonly slowest: number;
  /** How it failed and with what, as small as it gets; to be kept in the corpus. */
  readonly failure: { readonly message: string; readonly value: unknown } | undefined;
  readonly unhandled: number;
}

/** Milliseconds of processor time that one input may take. */
export const BOUND = 50;

const unhandled: unknown[] = [];
config.onUnhandledError = (error) => unhandled.push(error);

export async function fuzz({ name, given, holds }: AnySubject, inputs: number, seed: number): Promise<Finding> {
  let slowest = 0;
  const once = (value: never): number => {
    const began = process.cpuUsage();
    holds(value);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1_000;
  };
  const property = fc.property(given, (value) => {
    let took = once(value);
    for (let tries = 0; took > BOUND && tries < 3; tries++) took = Math.min(took, once(value));
    slowest = Math.max(slowest, took);
    if (took > BOUND) throw new Error(`it takes ${Math.round(took)} ms`);
  });
  const details = fc.check(property, { numRuns: inputs, seed, verbose: 0 });
  await new Promise((done) => setTimeout(done, 5));
  const failure = details.failed
    ? {
        message: String((details.errorInstance as Error | null)?.message ?? details.errorInstance),
        value: details.counterexample?.[0],
      }
    : undefined;
  return { name, inputs: details.numRuns, slowest, failure, unhandled: unhandled.splice(0).length };
}
