/**
 * The defaults, with what is given in their place; `undefined` counts as not given. What is whole stays the one object that it is,
 * so that a session keeps no second one.
 */
export function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const names = Object.keys(defaults) as (keyof T)[];
  const changed = names.filter((name) => given[name] !== undefined);
  if (changed.length === 0) return defaults;
  if (changed.length === names.length) return given as T;
  return { ...defaults, ...Object.fromEntries(changed.map((name) => [name, given[name]])) };
}
