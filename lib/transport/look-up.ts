import { catchError, defer, take, throwError, throwIfEmpty, timeout, type Observable } from 'rxjs';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { TransportError } from '../errors/transport-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import type { ConnectContext } from './transport.js';

/**
 * Bounds one query of a `DnsResolver`, and makes whatever it errors with a typed error.
 *
 * ```text
 * query                   ---x--
 * lookUp                  ---(x|)
 *
 * query                   ---------
 * lookUp, resolve = 5     -----#         XmppTimeoutError of phase resolve; the query is given up
 * ```
 *
 * @param name What is asked for, for messages.
 */
export function lookUp<T>(
  name: string,
  query: () => Observable<T>,
  { timeouts: { resolve: due }, scheduler }: Pick<ConnectContext, 'timeouts' | 'scheduler'>,
): Observable<T> {
  const failed = (text: string, cause?: unknown) =>
    new TransportError({ condition: 'dns-failure', text: `cannot look up ${name}: ${text}`, phase: 'resolve', cause });
  return defer(query).pipe(
    take(1),
    throwIfEmpty(() => failed('the resolver gave no answer')),
    timeout({
      first: due,
      scheduler,
      with: () =>
        throwError(() => new XmppTimeoutError('resolve', due, `no DNS server answered for ${name} within ${due} ms`)),
    }),
    catchError((error: unknown) =>
      throwError(() =>
        error instanceof XmppError ? XmppError.inPhase(error, 'resolve') : failed(String(error), error),
      ),
    ),
  );
}
