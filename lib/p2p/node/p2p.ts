import { asyncScheduler, defer, type Observable, type SchedulerLike } from 'rxjs';
import { attempted } from '../../client/attempt.js';
import { jid, type Jid } from '../../jid/jid.js';
import { secureRandom } from '../../session/secure-random.js';
import { connect } from '../../stream/connect.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import { tcp, type TcpConfig, type TlsOptions, type VerifyPeer } from '../../transport/node/index.js';
import { DEFAULT_TIMEOUTS } from '../../transport/timeouts.js';
import type { ConnectContext, Timeouts, TlsPolicy } from '../../transport/transport.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { XmlLimits } from '../../xml/xml-limits.js';
import { peerSession, type PeerSession, type PeerSessionConfig } from '../peer-session.js';
import { openSecuredToPeer } from '../peer-tls.js';
import { ownJid } from './own-jid.js';

/** What both ends of a stream between peers are made from. */
export interface PeerOptions extends Pick<PeerSessionConfig, 'iqTimeout' | 'random' | 'keepAlive' | 'interceptors'> {
  /** Who we are, as `user@machine`; by default whoever runs the process, on this machine. */
  readonly jid?: Jid | string;
  /**
   * - `required`: TLS or an error, and nothing but `<starttls/>` in clear;
   * - `preferred`: TLS where the other side has it;
   * - `disabled`: never.
   *
   * By default `required` where there is anything of `tlsOptions` or `verifyPeer`, and `disabled` where there is not.
   */
  readonly tls?: TlsPolicy;
  /** How TLS comes about: by STARTTLS (default), or from the first byte. */
  readonly security?: 'starttls' | 'direct';
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<XmlLimits>;
  /** Stream features of ours. */
  readonly features?: readonly XmlElement[];
  readonly scheduler?: SchedulerLike;
  /** Is told of every lifecycle event. */
  readonly trace?: (event: TraceEvent) => void;
}

export interface P2pOptions
  extends PeerOptions, Pick<TcpConfig, 'host' | 'port' | 'duplex' | 'path' | 'family' | 'localAddress' | 'resolver'> {
  /** Who is expected at the other end. */
  readonly to: Jid | string;
  /**
   * Node's options for TLS. The certificate is to lead to one of `ca`, or else to the CAs of Node, and to be for the domain of `to`: without
   * `ca` and `verifyPeer` a self-signed one is refused.
   */
  readonly tlsOptions?: TlsOptions;
  /**
   * Decides about the certificate: alone, so that it may be self-signed; or where `tlsOptions.ca` is given, after it was found good. Anything
   * but `true` refuses it.
   */
  readonly verifyPeer?: VerifyPeer;
}

/**
 * Talks to a peer without a server (XEP-0174): connects, opens a stream, and emits a session. There is no authentication.
 *
 * ```text
 * tcp        ---c--------------
 * streams       <-> features, STARTTLS
 * p2p        ---------s--------     unsubscribing disconnects
 * ```
 *
 * One `PeerSession` for each subscription; it errors, completes and is given up as `xmppStream` is. `host` and `port` come from
 * discovery; the default port is 5298.
 *
 * Errors with `TransportError`, `TlsError`, `StreamError`, `XmppTimeoutError`, each with the phase it happened in; with `JidError`.
 */
export function p2p(options: P2pOptions): Observable<PeerSession> {
  let attempts = 0;
  return defer(() => {
    const { scheduler = asyncScheduler, random = secureRandom, limits, features, verifyPeer } = options;
    const tls = tlsPolicy(options);
    return attempted<PeerSession>(
      (attempt) => {
        const own = toJid(options.jid) ?? ownJid();
        const to = toJid(options.to)!;
        const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
        const stage = { timeouts, scheduler, trace: attempt.trace };
        const context: ConnectContext = {
          ...{ ...stage, random },
          domain: to.asciiDomain,
          tls,
        };
        const { host, port, duplex, path, family, localAddress, resolver, tlsOptions } = options;
        const security = tls === 'disabled' ? 'none' : (options.security ?? 'starttls');
        // Whoever decides alone is asked about any certificate.
        const alone = verifyPeer && !tlsOptions?.ca && { rejectUnauthorized: false };
        const where = (duplex ?? path) ? { duplex, path } : { host: host ?? to.asciiDomain, port: port ?? 5298 };
        const transport = tcp({
          ...{ ...where, family, localAddress, resolver, verifyPeer, security },
          tls: { ...tlsOptions, ...alone },
        });
        attempt.bound(timeouts.deadline);
        return connect(transport, context).pipe(
          peerSession((connection) => openSecuredToPeer(connection, to, { ...stage, own, limits, features, tls }), {
            ...{ ...options, ...stage, own },
          }),
        );
      },
      ++attempts,
      scheduler,
      options.trace,
    );
  });
}

export function toJid(given: Jid | string | undefined): Jid | undefined {
  return typeof given === 'string' ? jid(given) : given;
}

/** What is to be secured where nobody says so. */
export function tlsPolicy({ tls, tlsOptions, verifyPeer }: PeerTls): TlsPolicy {
  return tls ?? (tlsOptions || verifyPeer ? 'required' : 'disabled');
}

interface PeerTls {
  readonly tls?: TlsPolicy;
  readonly tlsOptions?: object;
  readonly verifyPeer?: unknown;
}
