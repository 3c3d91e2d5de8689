import { catchError, defer, Observable, tap } from 'rxjs';

/**
 * The first of several resources that opens, trying one after the other.
 *
 * ```text
 * a                 ---#              refused
 * b                    ----x------#   opens; what comes later is its own affair
 * inTurn([a,b,c])   -------x------#   c is never tried
 * subs a            ^  !
 * subs b               ^          !
 * ```
 *
 * A candidate is released before the next one is tried, and unsubscribing ends the whole chain. Where none opens, the
 * result errors with what `allFailed` makes of all their errors, in order.
 *
 * @param open Makes the resource of a candidate: emits once it is ready. Its bounds in time are its own.
 * @param failed Is told of each candidate that did not open.
 */
export function inTurn<T, R>(
  candidates: readonly T[],
  open: (candidate: T) => Observable<R>,
  allFailed: (errors: readonly unknown[]) => unknown,
  failed?: (candidate: T, error: unknown) => void,
): Observable<R> {
  return defer(() => {
    const errors: unknown[] = [];
    const attempt = (index: number): Observable<R> => {
      if (index >= candidates.length) throw allFailed(errors);
      const candidate = candidates[index]!;
      let opened = false;
      return defer(() => open(candidate)).pipe(
        tap(() => (opened = true)),
        catchError((error: unknown) => {
          if (opened) throw error;
          errors.push(error);
          failed?.(candidate, error);
          return attempt(index + 1);
        }),
      );
    };
    return attempt(0);
  });
}
