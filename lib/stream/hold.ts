import { Observable } from 'rxjs';

/**
 * A resource that is ready at once and has nothing of its own to release.
 *
 * ```text
 * hold(x)    x------------
 * ```
 */
export function hold<T>(resource: T): Observable<T> {
  return new Observable((subscriber) => subscriber.next(resource));
}
