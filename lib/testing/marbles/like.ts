/** Stands for any value that has these members; made by `like`. */
export class Like {
  constructor(readonly members: Readonly<Record<string, unknown>>) {}
}

/**
 * In the values of an expectation: anything that has these members, whatever else it has.
 *
 * ```ts
 * expectObservable(client.status$).toBe('a--b', { a: like({ kind: 'connecting' }), b: like({ kind: 'online', resumed: true }) });
 * ```
 */
export function like<T = unknown>(members: object): T {
  return new Like(members as Readonly<Record<string, unknown>>) as T;
}
