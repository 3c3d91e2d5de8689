import { defer, Observable, type Subscriber } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Session } from '../session/session.js';
import { Scope, type Held } from '../stream/scope.js';
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
): Observable<Session> {
  return new Observable((subscriber) => new Way(subscriber, trace, connect).go(location));
}

class Way extends Scope<Session> {
  readonly #trace: Trace;
  readonly #connect: (location: string | undefined) => Observable<Session>;
  /** How many more times it may be sent on. */
  #hops = MAX_REDIRECTS;

  constructor(
    subscriber: Subscriber<Session>,
    trace: Trace,
    connect: (location: string | undefined) => Observable<Session>,
  ) {
    super(subscriber);
    this.#trace = trace;
    this.#connect = connect;
  }

  go(location: string | undefined): void {
    this.hold(defer(() => this.#connect(location)));
  }

  override entered(session: Session, held: Held<never>): void {
    this.#hops = 0;
    super.entered(session, held);
  }

  override failed(error: unknown, held: Held<never>): void {
    const to = error instanceof StreamError && error.location?.trim();
    if (!to || this.#hops-- <= 0) return super.failed(error);
    this.#trace({ type: 'redirected', to });
    this.then(() => {
      this.release(held);
      this.go(to);
    });
  }
}
