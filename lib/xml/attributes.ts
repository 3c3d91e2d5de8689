/** Attributes by name. */
export type Attributes = Record<string, string>;

/**
 * An object without inherited names, so that `__proto__` and `constructor` are attributes like others. A constructor makes
 * them several times faster than `Object.create(null)`, which gives a hash table.
 */
export const Attributes = function () {} as unknown as new () => Attributes;
Attributes.prototype = Object.freeze(Object.create(null));

/** What elements without attributes share. */
export const NO_ATTRIBUTES: Readonly<Attributes> = Object.freeze(new Attributes());
