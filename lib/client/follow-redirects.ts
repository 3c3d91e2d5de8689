import { catchError, defer, tap, throwError, type Observable } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Session } from '../session/session.js';
import type { Trace } from '../trace/lifecycle-event.js';

/** How many times one attempt is sent on. */
const MAX_REDIRECTS = 5;

/**
 * Follows `see-other-host` (RFC 6120 section 4.9.3.19) while a stream is being negotiated: the same attempt at another
 * address, with the same domain, identity and TLS policy. Only a host that has proved who it is can send us on: what is said
 * before TLS has no `location` (threat T5). A session that was online is lost all the same.
 *
 * @param connect One connection, to where it is told, or to where the domain leads.
 * @param location Where to begin.
 */
export function followRedirects(
  trace: Trace,
  connect: (location: string | undefined) => Observable<Session>,
  location?: string,
  hops = 0,
): Observable<Session> {
  return defer(() => {
    let online = false;
    return connect(location).pipe(
      tap(() => (online = true)),
      catchError((error: unknown) => {
        const to = error instanceof StreamError && error.location?.trim();
        if (!to || online || hops >= MAX_REDIRECTS) return throwError(() => error);
        trace({ type: 'redirected', to });
        return followRedirects(trace, connect, to, hops + 1);
      }),
    );
  });
}
