/**
 * The specs of this folder are for `tsc` alone, which `npm test` runs: each `@ts-expect-error` must be one, and nothing here is
 * ever called.
 */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles where the type argument is `true`: `holds<Same<A, B>>()`. */
export declare function holds<Claim extends true>(claim?: Claim): void;

/** A value of a type, from nowhere. */
export declare function some<T>(): T;
