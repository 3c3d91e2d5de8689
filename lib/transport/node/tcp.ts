import { defer, of, switchMap, type Observable } from 'rxjs';
import { nodeCrypto } from '../../crypto/node/node-crypto.js';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { Target } from '../../trace/lifecycle-event.js';
import { inTurn } from '../in-turn.js';
import { ipLiteral } from '../ip-literal.js';
import { locationTarget } from '../location.js';
import { resolveTargets } from '../resolve-targets.js';
import type { Connection, ConnectContext, Transport } from '../transport.js';
import { allTargetsFailed } from './all-failed.js';
import { dialTarget } from './dial-target.js';
import { nodeResolver } from './node-resolver.js';
import { settled } from './socket-resource.js';
import { tlsSettings, type TlsSettings } from './secure-socket.js';
import type { SocketConnection } from './socket-connection.js';
import { TlsSessions } from './tls-sessions.js';
import { checkTcpConfig, type TcpConfig } from './tcp-config.js';

/**
 * XMPP over TCP (RFC 6120), with direct TLS (XEP-0368) or STARTTLS.
 *
 * ```text
 * SRV            --[t1,t2]                both services, by priority and weight
 * addresses of t1         -[a,b]
 * t1                           ----#      none of them answers within `timeouts.target`
 * addresses of t2                   -[c]
 * t2                                    --x-----   TCP, and TLS where it is direct
 * connect        ---------------------------x-----
 * ```
 *
 * Without `host`, `port`, `path` and `duplex` the domain's SRV records say where to connect to (`resolveTargets`). Every
 * target is tried in turn, each within `timeouts.target` for connecting and `timeouts.tls` for the handshake, and every
 * address of it by Happy Eyeballs. Where all fail, the error is that of the only one, or a `TransportError`
 * `all-targets-failed` that holds them all as `errors`.
 *
 * TLS is always verified against the domain of the JID, never the host that was dialled (RFC 6120 section 13.7.1.2).
 *
 * A `location` of the context (`see-other-host`, XEP-0198) is dialled first, and all of the above after it.
 *
 * Unsubscribing cancels the look-up, the dial or the handshake, wherever it is, and no other target is dialled; of an open
 * connection, what was written is flushed first, and the server has `linger` milliseconds to read it.
 *
 * @throws UsageError For options that cannot be used.
 */
export function tcp(config: TcpConfig = {}): Transport {
  checkTcpConfig(config);
  return new TcpTransport(config);
}

class TcpTransport implements Transport {
  readonly name = 'tcp';
  readonly crypto = nodeCrypto;
  readonly #config: TcpConfig;
  /** Made when it is needed first; with options at once, since they may be wrong. */
  #tls: TlsSettings | undefined;

  constructor(config: TcpConfig) {
    this.#config = config;
    if (config.tls) void this.#settings;
  }

  get #settings(): TlsSettings {
    const { tls, verifyPeer, resumeTls, linger } = this.#config;
    return (this.#tls ??= tlsSettings(tls, verifyPeer, resumeTls ? new TlsSessions() : undefined, linger));
  }

  connect(context: ConnectContext): Observable<Connection> {
    return defer(() => this.#connect(context)).pipe(settled);
  }

  #connect(context: ConnectContext): Observable<SocketConnection> {
    const config = this.#config;
    const resolver = config.resolver ?? nodeResolver({ scheduler: context.scheduler });
    const tls = context.tls === 'disabled' && config.security !== 'direct' ? undefined : this.#settings;
    const dialer = { ...config, resolver, tls };
    const dial = (target: Target) => dialTarget(target, dialer, context);
    const failed = (target: Target, error: unknown) =>
      context.trace({ type: 'target-failed', target, error: error as XmppError });
    const usual$ = defer(() => targetsOf(config, resolver, context)).pipe(
      // Emits once; what it is made of is released by then.
      switchMap((targets) => inTurn(targets, dial, (errors) => allTargetsFailed(context.domain, errors), failed)),
    );
    const elsewhere = elsewhereOf(config, context);
    if (!elsewhere) return usual$;
    return inTurn(
      [elsewhere, undefined],
      (target) => (target ? dial(target) : usual$),
      (errors) => errors.at(-1),
      (target, error) => target && failed(target, error),
    );
  }
}

/** Where a proven server has sent us to. */
function elsewhereOf({ path, duplex, security }: TcpConfig, { location, tls }: ConnectContext): Target | undefined {
  if (location === undefined || path !== undefined || duplex !== undefined) return undefined;
  return locationTarget(location, security ?? (tls === 'disabled' ? 'none' : 'starttls'));
}

function targetsOf(
  { host, port, path, duplex, security }: TcpConfig,
  resolver: NonNullable<TcpConfig['resolver']>,
  context: ConnectContext,
): Observable<readonly Target[]> {
  if (security === 'direct' && context.tls === 'disabled') {
    throw new UsageError('bad-tcp-option', "`security: 'direct'` is TLS, which the policy `tls: 'disabled'` rules out");
  }
  const kind = security ?? (context.tls === 'disabled' ? 'none' : 'starttls');
  if (duplex !== undefined) return of([{ host: 'duplex', port: 0, security: kind }]);
  if (path !== undefined) return of([{ host: path, port: 0, security: kind }]);
  if (host === undefined && port === undefined) return resolveTargets(resolver, context, security);
  const dialled = host ?? context.domain;
  return of([{ host: ipLiteral(dialled) ?? dialled, port: port ?? (kind === 'direct' ? 5223 : 5222), security: kind }]);
}
