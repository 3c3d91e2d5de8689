import {
  defer,
  identity,
  switchMap,
  tap,
  timeout,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
} from 'rxjs';
import type { Phase } from '../../errors/phase.js';
import { XmppTimeoutError } from '../../errors/timeout-error.js';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import { inTurn } from '../in-turn.js';
import type { ConnectContext, Connection, Transport } from '../transport.js';
import { hostMeta, type Fetch } from './host-meta.js';
import { openWebSocket, targetOf } from './open-websocket.js';
import type { WebSocketCtor } from './web-socket-like.js';
import { isLoopback, isSecure, websocketUrl, type WebSocketUrl } from './websocket-url.js';

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
 * Errors with `TransportError` `insecure-url`, `subprotocol-mismatch`, `websocket-failed`, `discovery-failed` or, where several
 * addresses were found, `all-targets-failed`; with `XmppTimeoutError` of phase `resolve` or `connect`; with `UsageError` `bad-url`,
 * `no-websocket` or `no-fetch`. An open one errors with `TransportError` `connection-closed`, and with `StreamError` `bad-format` or
 * `policy-violation` for messages that are not text, or more than is read.
 */
export function websocket(config: WebSocketConfig = {}): Transport {
  return {
    name: 'websocket',
    isLoopback: (domain) => isLoopback(config.url ?? `wss://${domain}`),
    connect: (context) =>
      defer(() => {
        const { url, allowInsecure = false, WebSocketCtor: Ctor = globalThis.WebSocket as WebSocketCtor } = config;
        const { location = '' } = context;
        if (!Ctor) {
          throw new UsageError('no-websocket', 'set `WebSocketCtor`, or use websocket() of rxmpp/node');
        }
        const open = (urls: readonly WebSocketUrl[]) => openFirst(urls, Ctor, context);
        const openAt = (address: string, insecure: boolean) => defer(() => open([websocketUrl(address, insecure)]));
        const usual$ = url === undefined ? discover(config, context).pipe(switchMap(open)) : openAt(url, allowInsecure);
        // Where a proven server sent us to comes first, and is never in clear (RFC 7395 section 3.6.1). Nobody says that it
        // lives for ever.
        if (!isSecure(location)) return usual$;
        return inTurn([openAt(location, false), usual$], identity, (errors) => errors[1]);
      }),
  };
}

function discover(
  { fetch = globalThis.fetch as Fetch }: WebSocketConfig,
  { domain, timeouts, scheduler, trace }: ConnectContext,
): Observable<readonly WebSocketUrl[]> {
  return defer(() => {
    if (!fetch) throw new UsageError('no-fetch', 'set `url`, or `fetch`');
    trace({ type: 'resolving', domain });
    return hostMeta(domain, fetch);
  }).pipe(
    first('resolve', timeouts.resolve, scheduler, domain),
    tap((urls) => trace({ type: 'resolved', targets: urls.map(targetOf) })),
  );
}

/** Each address in turn, each with a timer of its own. */
function openFirst(
  urls: readonly WebSocketUrl[],
  Ctor: WebSocketCtor,
  context: ConnectContext,
): Observable<Connection> {
  const { timeouts, scheduler, trace } = context;
  return inTurn(
    urls,
    (url) => openWebSocket(url, Ctor, context).pipe(first('connect', timeouts.target, scheduler, url.shown)),
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

/** Bounds the time to the first value. */
const first = <T>(phase: Phase, due: number, scheduler: SchedulerLike, who: string): MonoTypeOperatorFunction<T> =>
  timeout({
    first: due,
    scheduler,
    with: () => {
      throw new XmppTimeoutError(phase, due, `${who} did not answer`);
    },
  });
