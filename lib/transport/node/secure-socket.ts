import { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import {
  catchError,
  defer,
  EMPTY,
  ignoreElements,
  take,
  tap,
  throwError,
  throwIfEmpty,
  timeout,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { XmppTimeoutError } from '../../errors/timeout-error.js';
import { TlsError } from '../../errors/tls-error.js';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import { ipLiteral } from '../ip-literal.js';
import type { ConnectContext } from '../transport.js';
import { channelBinding } from './channel-binding.js';
import { checkIdentity, wrongIdentity } from './check-identity.js';
import { peerCertificate } from './peer-certificate.js';
import type { SocketConnection } from './socket-connection.js';
import { socketResource } from './socket-resource.js';
import { tlsHandshakeError } from './tls-handshake-error.js';
import { tlsInfo } from './tls-info.js';
import type { TlsSessions } from './tls-sessions.js';

/**
 * Node's TLS options, passed through: `ca`, `cert`, `key`, `pfx`, `minVersion`, `ciphers`, `session` ... Where to connect
 * to and which name to ask for (SNI) are rxmpp's business, and the name to verify is always the domain of the JID.
 *
 * `minVersion` is `TLSv1.2` by default. `rejectUnauthorized` switches verification off only if it is `false` itself;
 * `undefined` and `null` are not passed on (CVE-2021-22939), and `NODE_TLS_REJECT_UNAUTHORIZED` is not heeded.
 * `checkServerIdentity(domain, certificate)` replaces the identity check; it can call Node's own.
 */
export type TlsOptions = Omit<
  ConnectionOptions,
  'host' | 'port' | 'path' | 'socket' | 'servername' | 'lookup' | 'timeout'
>;

/**
 * Looks at the peer's certificate after it was found trusted and for the domain (or in place of that, with
 * `rejectUnauthorized: false`): pins, or a question to the user. Anything but `true` refuses it.
 */
export type VerifyPeer = (certificate: PeerCertificate) => ObservableInput<boolean>;

/** TLS options that can be used. */
export interface TlsSettings {
  readonly options: ConnectionOptions;
  /** Made once: reading CAs and keys takes longer than a handshake. */
  readonly secureContext: SecureContext;
  readonly verifyPeer: VerifyPeer | undefined;
  /** Where sessions are kept, if they are. */
  readonly sessions?: TlsSessions;
  /** As of `TcpConfig`. */
  readonly linger?: number;
}

const NOT_PASSED_ON = ['host', 'port', 'path', 'socket', 'servername', 'lookup', 'timeout'];

/** @throws UsageError Where Node cannot use the options. */
export function tlsSettings(
  tls: TlsOptions = {},
  verifyPeer?: VerifyPeer,
  sessions?: TlsSessions,
  linger?: number,
): TlsSettings {
  const given = Object.entries(tls).filter(
    ([name, value]) => value !== undefined && value !== null && !NOT_PASSED_ON.includes(name),
  );
  const options: ConnectionOptions = Object.fromEntries(given);
  if (!options.minVersion && !options.secureProtocol) options.minVersion = 'TLSv1.2';
  options.rejectUnauthorized = options.rejectUnauthorized !== false;
  // Node passes over a CA that it cannot read, and every certificate would be untrusted later.
  for (const ca of [options.ca ?? []].flat()) {
    try {
      new X509Certificate(ca);
      // Which takes DER, too; as a CA Node does not.
      if (!Buffer.from(ca).includes('-----BEGIN ')) throw new TypeError('DER');
    } catch (cause) {
      throw new UsageError('bad-tls-options', '`tls.ca` holds something that is no certificate (PEM)', cause);
    }
  }
  const settings = new MadeSettings(options, verifyPeer, sessions, linger);
  try {
    // Where nothing was given nothing can be wrong, and there may never be TLS.
    if (given.length > 0) void settings.secureContext;
    return settings;
  } catch (cause) {
    // OpenSSL's messages name what is wrong with a key or certificate, and quote none of it.
    const text = `the \`tls\` options cannot be used: ${(cause as Error).message}`;
    throw new UsageError('bad-tls-options', text, cause);
  }
}

class MadeSettings implements TlsSettings {
  #secureContext: SecureContext | undefined;

  constructor(
    readonly options: ConnectionOptions,
    readonly verifyPeer: VerifyPeer | undefined,
    readonly sessions: TlsSessions | undefined,
    readonly linger: number | undefined,
  ) {}

  get secureContext(): SecureContext {
    return (this.#secureContext ??= this.options.secureContext ?? createSecureContext(this.options));
  }
}

/**
 * TLS over a connected socket, as resource: emits once the handshake is done and the peer verified, errors with
 * `TlsError` (`untrusted-certificate`, `certificate-expired`, `wrong-identity`, `handshake-failed`), with
 * `TransportError` `connection-reset`, or with `XmppTimeoutError` of phase `tls`.
 *
 * @param direct Whether this is direct TLS (XEP-0368): the ALPN protocol is asked for then.
 */
export function secureSocket(
  socket: Duplex,
  { options, secureContext, verifyPeer, sessions, linger }: TlsSettings,
  { domain, timeouts, scheduler }: ConnectContext,
  peer: string,
  direct: boolean,
): Observable<SocketConnection> {
  const verified = options.rejectUnauthorized !== false;
  const checkServerIdentity = (_host: string, certificate: PeerCertificate) => {
    const raw = certificate.raw as Uint8Array | undefined;
    if (!options.checkServerIdentity) return checkIdentity(domain, raw);
    try {
      const refused = options.checkServerIdentity(domain, certificate);
      return refused && wrongIdentity(`\`checkServerIdentity\` refused the certificate: ${refused.message}`, refused);
    } catch (error) {
      return wrongIdentity('`checkServerIdentity` failed', error);
    }
  };

  return socketResource<TLSSocket>({
    open: () => {
      if (socket.destroyed)
        throw new TransportError({
          condition: 'connection-closed',
          text: `${peer} closed the connection`,
          phase: 'tls',
        });
      const secured = connect({
        ...(sessions && { session: sessions.take(domain) }),
        ...(direct && { ALPNProtocols: ['xmpp-client'] }),
        ...options,
        secureContext,
        socket,
        // No SNI for IP addresses (RFC 6066 section 3).
        servername: ipLiteral(domain) === undefined ? domain : '',
        checkServerIdentity: (host, certificate) => checkServerIdentity(host, certificate),
      });
      sessions?.keep(domain, secured);
      return secured;
    },
    ready: 'secureConnect',
    peer,
    scheduler,
    linger,
    failed: (error) => tlsHandshakeError(error, peer, direct),
    verify: (tls) =>
      defer(() => {
        // Node checks no identity of a resumed session, which may be one that was made for another domain.
        const refused = verified && tls.isSessionReused() && checkServerIdentity('', certificateOf(tls));
        if (refused) throw refused;
        return verifyPeer ? accepted(verifyPeer, certificateOf(tls), peer) : EMPTY;
      }),
    security: (tls) => ({ tls: tlsInfo(tls), channelBinding: (type) => channelBinding(tls, type) }),
  }).pipe(
    timeout({
      first: timeouts.tls,
      scheduler,
      with: () =>
        throwError(
          () =>
            new XmppTimeoutError(
              'tls',
              timeouts.tls,
              `${peer} did not finish the TLS handshake within ${timeouts.tls} ms; does it speak TLS on this port?`,
            ),
        ),
    }),
  );
}

/** Where a session was resumed Node tells of no certificate: then that of the handshake which made the session. */
function certificateOf(tls: TLSSocket): PeerCertificate {
  const certificate = tls.getPeerCertificate();
  const raw = certificate.raw ? undefined : peerCertificate(tls);
  return raw ? new X509Certificate(raw).toLegacyObject() : certificate;
}

/** Completes if `verifyPeer` says `true`, and nothing else. */
export function accepted(verifyPeer: VerifyPeer, certificate: PeerCertificate, peer: string): Observable<never> {
  const refused = (cause?: unknown) =>
    new TlsError({
      condition: 'untrusted-certificate',
      text: `\`verifyPeer\` refused the certificate of ${peer}`,
      phase: 'tls',
      cause,
    });
  return defer(() => verifyPeer(certificate)).pipe(
    take(1),
    throwIfEmpty(refused),
    tap((ok) => {
      if (ok !== true) throw refused();
    }),
    catchError((error: unknown) => throwError(() => (error instanceof TlsError ? error : refused(error)))),
    ignoreElements(),
  );
}
