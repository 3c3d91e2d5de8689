import { defer, switchMap, tap, throwError, timeout, type Observable } from 'rxjs';
import { XmppTimeoutError } from '../../errors/timeout-error.js';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import { inTurn } from '../in-turn.js';
import type { ConnectContext, Connection, Transport } from '../transport.js';
import { hostMeta, isSecure, type Fetch } from './host-meta.js';
import { openWebSocket, targetOf } from './open-websocket.js';
import type { WebSocketCtor } from './web-socket-like.js';
import { isLoopback, websocketUrl, type WebSocketUrl } from './websocket-url.js';

export interface WebSocketConfig {
  /** `wss://...`; looked up by XEP-0156 where it is absent. */
  readonly url?: string;
  /** The platform's by default. On Node before 22 use `websocket()` of `rxmpp/node`, which knows the `ws` package. */
  readonly WebSocketCtor?: WebSocketCtor;
  /**
   * Allows `ws:` to other machines, where everybody on the way can read and change what passes: `tls: 'disabled'` has to be
   * said as well. `ws:` to `localhost`, 127.0.0.0/8 and `[::1]` is always allowed. Default `false`.
   */
  readonly allowInsecure?: boolean;
  /** The platform's by default; used for the look-up alone. */
  readonly fetch?: Fetch;
}

/**
 * XMPP over WebSocket (RFC 7395), for browsers and Node.
 *
 * Errors with `TransportError` `insecure-url`, `subprotocol-mismatch`, `websocket-failed` or `discovery-failed`, and with
 * `XmppTimeoutError` of phase `resolve` or `connect`.
 */
export function websocket(config: WebSocketConfig = {}): Transport {
  return {
    name: 'websocket',
    isLoopback: (domain) => isLoopback(config.url ?? `https://${domain}`),
    connect: (context) =>
      defer(() => {
        const Ctor = config.WebSocketCtor ?? (globalThis.WebSocket as WebSocketCtor | undefined);
        if (!Ctor) {
          throw new UsageError(
            'no-websocket',
            'this platform has no WebSocket; use websocket() of rxmpp/node, or pass `WebSocketCtor`',
          );
        }
        const open = (url: WebSocketUrl) => openOne(url, Ctor, context);
        const usual$ = defer(() => {
          const { url, allowInsecure = false } = config;
          return url === undefined
            ? discover(config, context).pipe(switchMap((urls) => openFirst(urls, open, context)))
            : openFirst([websocketUrl(url, allowInsecure)], open, context);
        });
        const { location } = context;
        // Where a proven server sent us to comes first, and is never in clear (RFC 7395 section 3.6.1). Nobody says that it
        // lives for ever.
        if (location === undefined || !isSecure(location)) return usual$;
        const elsewhere$ = defer(() => openFirst([websocketUrl(location, false)], open, context));
        return inTurn(
          [elsewhere$, usual$],
          (way$) => way$,
          (errors) => errors.at(-1),
        );
      }),
  };
}

function discover(
  config: WebSocketConfig,
  { domain, timeouts: { resolve: due }, scheduler, trace }: ConnectContext,
): Observable<readonly WebSocketUrl[]> {
  const fetch = config.fetch ?? (globalThis.fetch as Fetch | undefined);
  if (!fetch) throw new UsageError('no-fetch', 'this platform has no fetch; set `url`, or pass `fetch`');
  return defer(() => {
    trace({ type: 'resolving', domain });
    return hostMeta(domain, fetch);
  }).pipe(
    timeout({
      first: due,
      scheduler,
      with: () => throwError(() => new XmppTimeoutError('resolve', due, `${domain} did not answer over HTTPS`)),
    }),
    tap((urls) => trace({ type: 'resolved', targets: urls.map(targetOf) })),
  );
}

/** Each address in turn. */
function openFirst(
  urls: readonly WebSocketUrl[],
  open: (url: WebSocketUrl) => Observable<Connection>,
  { trace }: ConnectContext,
): Observable<Connection> {
  return inTurn(
    urls,
    open,
    (errors) =>
      errors.length === 1
        ? errors[0]
        : new TransportError({
            condition: 'all-targets-failed',
            phase: 'connect',
            text: `none of ${urls.length} addresses answered`,
            errors,
          }),
    (url, error) => trace({ type: 'target-failed', target: targetOf(url), error: error as XmppError }),
  );
}

/** One address, with a timer of its own. */
function openOne(url: WebSocketUrl, Ctor: WebSocketCtor, context: ConnectContext): Observable<Connection> {
  const { timeouts, scheduler } = context;
  return openWebSocket(url, Ctor, context).pipe(
    timeout({
      first: timeouts.target,
      scheduler,
      with: () => throwError(() => new XmppTimeoutError('connect', timeouts.target, `${url.shown} did not answer`)),
    }),
  );
}
