import { concat, NEVER, of, type Observable } from 'rxjs';

/**
 * A resource that is ready at once and has nothing of its own to release.
 *
 * ```text
 * hold(x)    x------------
 * ```
 */
export function hold<T>(resource: T): Observable<T> {
  return concat(of(resource), NEVER);
}
