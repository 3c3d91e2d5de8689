import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { TlsInfo } from '../../trace/lifecycle-event.js';

/** What is known of an established TLS connection. */
export function tlsInfo(socket: TLSSocket): TlsInfo {
  const certificate = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.standardName,
    alpn: socket.alpnProtocol || undefined,
    resumed: socket.isSessionReused(),
    certificate: certificate.raw && {
      subject: nameOf(certificate.subject),
      issuer: nameOf(certificate.issuer),
      validTo: certificate.valid_to,
      fingerprint256: certificate.fingerprint256,
    },
  };
}

/** A distinguished name as `O=Example, CN=example.org`. */
function nameOf(name: PeerCertificate['subject'] | undefined): string {
  return Object.entries(name ?? {})
    .flatMap(([key, value]) => [value].flat().map((one) => `${key}=${one}`))
    .join(', ');
}
