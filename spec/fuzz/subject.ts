import type { Arbitrary } from 'fast-check';

/** Something that is given anything, and what must hold of it whatever that was. */
export interface Subject<T> {
  readonly name: string;
  readonly given: Arbitrary<T>;
  /** Throws where something does not hold. */
  readonly holds: (value: T) => void;
  /** Of all inputs of a run, the share that is for this one. Default 1. */
  readonly share?: number;
}

/** The values are its own affair. */
export type AnySubject = Subject<never>;

export const subject = <T>(one: Subject<T>): AnySubject => one as unknown as AnySubject;

/** Fails, in words. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
