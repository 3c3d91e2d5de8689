import { defer, type Observable } from 'rxjs';
import type { Connection, ConnectContext, Transport } from '../transport/transport.js';
import { bounded } from './within.js';

/**
 * Connects: the first stage of an attempt.
 *
 * ```text
 * connect    ---c---------#     c: the connection, ready to be written to
 * subs       ^            !     unsubscribing gives up look-up, dial or socket, wherever it is
 * ```
 *
 * Errors with `TransportError`, `TlsError` (direct TLS) or `XmppTimeoutError` of phase `resolve`, `connect` or `tls`; bounded as a
 * whole by `timeouts.connect` of the context.
 *
 * @param transport `tcp()`, `websocket()` or another.
 * @param context The attempt: domain, policy, bounds, scheduler.
 */
export function connect(transport: Transport, context: ConnectContext): Observable<Connection> {
  return defer(() => transport.connect(context)).pipe(bounded('connect', context));
}
