import { createHash, X509Certificate } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { TlsInfo } from '../../trace/lifecycle-event.js';
import { peerCertificate } from './peer-certificate.js';

/** What is known of an established TLS connection. */
export function tlsInfo(socket: TLSSocket): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.standardName,
    alpn: socket.alpnProtocol || undefined,
    resumed: socket.isSessionReused(),
    certificate: certificateInfo(peerCertificate(socket)),
  };
}

function certificateInfo(raw: Uint8Array | undefined): TlsInfo['certificate'] {
  if (!raw) return undefined;
  const x509 = new X509Certificate(raw);
  const { subject, issuer, valid_from, valid_to, fingerprint256, subjectaltname } = x509.toLegacyObject();
  return {
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    validFrom: valid_from,
    validTo: valid_to,
    fingerprint256,
    names: subjectaltname?.split(', ') ?? [],
    publicKeySha256: publicKeySha256(x509),
  };
}

/** The hash of the SubjectPublicKeyInfo in base64, by which keys are pinned (RFC 7469 section 2.4). */
export function publicKeySha256({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

/** A distinguished name as `O=Example, CN=example.org`. */
function nameOf(name: PeerCertificate['subject'] | undefined): string {
  return Object.entries(name ?? {})
    .flatMap(([key, value]) => [value].flat().map((one) => `${key}=${one}`))
    .join(', ');
}
