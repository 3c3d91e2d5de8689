import { asyncScheduler, defer, type Observable, type SchedulerLike } from 'rxjs';
import { Attempt } from '../../client/attempt.js';
import { jid, type Jid } from '../../jid/jid.js';
import { secureRandom } from '../../session/secure-random.js';
import { connect } from '../../stream/connect.js';
import { connectTimeout } from '../../stream/connect-timeout.js';
import { deadline } from '../../stream/deadline.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import { tcp, type TcpConfig, type TlsOptions } from '../../transport/node/index.js';
import { DEFAULT_TIMEOUTS } from '../../transport/timeouts.js';
import type { ConnectContext, Timeouts } from '../../transport/transport.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { XmlLimits } from '../../xml/xml-limits.js';
import { peerSession, type PeerSession, type PeerSessionConfig } from '../peer-session.js';
import { openToPeer } from '../peer-stream.js';
import { ownJid } from './own-jid.js';

/** What both ends of a stream between peers are made from. */
export interface PeerOptions extends Pick<PeerSessionConfig, 'iqTimeout' | 'random' | 'keepAlive' | 'interceptors'> {
  /** Who we are, as `user@machine`; by default whoever runs the process, on this machine. */
  readonly jid?: Jid | string;
  /** Direct TLS, with these options of Node; none by default. The initiator verifies the certificate for the domain of `to`. */
  readonly tls?: TlsOptions;
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
}

/**
 * Talks to a peer without a server (XEP-0174): connects, opens a stream, and emits a session. There is no authentication.
 *
 * ```text
 * tcp        ---c--------------
 * streams       <-> features
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
    const { scheduler = asyncScheduler, random = secureRandom, tls, limits, features } = options;
    const attempt = new Attempt(++attempts, scheduler, options.trace);
    return defer(() => {
      const own = toJid(options.jid) ?? ownJid();
      const to = toJid(options.to)!;
      const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
      const stage = { timeouts, scheduler, trace: attempt.trace };
      const context: ConnectContext = {
        ...{ ...stage, random },
        domain: to.asciiDomain,
        tls: tls ? 'required' : 'disabled',
      };
      const { host, port, duplex, path, family, localAddress, resolver } = options;
      const where = (duplex ?? path) ? { duplex, path } : { host: host ?? to.asciiDomain, port: port ?? 5298 };
      const transport = tcp({ ...where, family, localAddress, resolver, tls, security: tls ? 'direct' : 'none' });
      return connect(transport, context).pipe(
        connectTimeout(timeouts.connect, scheduler),
        peerSession((connection) => openToPeer(connection, to, { ...stage, own, limits, features }), {
          ...{ ...options, ...stage, own },
        }),
        deadline(timeouts.deadline, scheduler, () => attempt.phase),
      );
    }).pipe(attempt.recorded());
  });
}

export function toJid(given: Jid | string | undefined): Jid | undefined {
  return typeof given === 'string' ? jid(given) : given;
}
