import type { PeerCertificate, TLSSocket, TlsOptions } from 'node:tls';
import { defer, EMPTY, throwError, type Observable, type ObservableInput } from 'rxjs';
import { TlsError } from '../../errors/tls-error.js';
import type { Jid } from '../../jid/jid.js';
import { checkIdentity } from '../../transport/node/check-identity.js';
import { peerCertificate } from '../../transport/node/peer-certificate.js';
import { accepted } from '../../transport/node/secure-socket.js';

/** Decides about the certificate of a peer that has connected, and says that it is `peer`. Anything but `true` refuses it. */
export type VerifyPeerOf = (certificate: PeerCertificate, peer: Jid | undefined) => ObservableInput<boolean>;

export interface ListenerTls {
  readonly tlsOptions?: TlsOptions;
  readonly verifyPeer?: VerifyPeerOf;
}

/** Whether peers that connect are to show a certificate. */
export function asksForCertificate({ tlsOptions, verifyPeer }: ListenerTls): boolean {
  return verifyPeer !== undefined || tlsOptions?.requestCert === true;
}

/** What the handshake is made with: who is refused is our affair, once it is known who the peer says that it is. */
export function handshakeOptions(config: ListenerTls): TlsOptions {
  const { tlsOptions } = config;
  return { minVersion: 'TLSv1.2', ...tlsOptions, requestCert: asksForCertificate(config), rejectUnauthorized: false };
}

/**
 * Completes if the certificate that a peer has shown may stand for whom it says it is. Where `ca` is given, or nobody decides, it has to
 * lead to a CA and be for the domain of the peer; then `verifyPeer` decides. Fails closed: without a certificate nobody is asked.
 *
 * Errors with `TlsError` `untrusted-certificate` or `wrong-identity`.
 */
export function verifyPeerOf(
  socket: TLSSocket,
  peer: Jid | undefined,
  name: string,
  config: ListenerTls,
): Observable<never> {
  const { tlsOptions, verifyPeer } = config;
  return defer(() => {
    if (!asksForCertificate(config)) return EMPTY;
    const raw = peerCertificate(socket);
    if (!raw) return throwError(() => untrusted(`${name} has shown no certificate`));
    if (tlsOptions?.ca || !verifyPeer) {
      if (!socket.authorized) {
        const why = String(socket.authorizationError);
        return throwError(() => untrusted(`the certificate of ${name} leads to no trusted CA (${why})`));
      }
      const refused = peer && checkIdentity(peer.asciiDomain, raw);
      if (refused) return throwError(() => refused);
    }
    if (!verifyPeer) return EMPTY;
    return accepted((certificate) => verifyPeer(certificate, peer), socket.getPeerCertificate(), name);
  });
}

function untrusted(text: string): TlsError {
  return new TlsError({ condition: 'untrusted-certificate', phase: 'tls', text });
}
