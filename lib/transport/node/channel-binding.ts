import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ChannelBindingType } from '../transport.js';
import { readDer, readOid } from './der.js';
import { isBoundToHandshake, peerCertificate } from './peer-certificate.js';

/**
 * The channel-binding data of a TLS connection; `undefined` where it has none of that type.
 *
 * - `tls-exporter` (RFC 9266): 32 octets of exported keying material. Below TLS 1.3 only with the extended master secret,
 *   without which a man in the middle could make two connections with equal data (RFC 9266 section 4.2).
 * - `tls-server-end-point` (RFC 5929 section 4): the certificate's hash, by the hash of its own signature.
 */
export function channelBinding(socket: TLSSocket, type: ChannelBindingType): Uint8Array | undefined {
  if (socket.destroyed) return undefined;
  if (type === 'tls-server-end-point') {
    const certificate = peerCertificate(socket);
    const hash = certificate && signatureHash(certificate);
    return hash ? createHash(hash).update(certificate).digest() : undefined;
  }
  if (!isBoundToHandshake(socket)) return undefined;
  // Always the empty context, which in TLS 1.2 is not the same as none.
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

/** MD5 and SHA-1 are replaced by SHA-256 (RFC 5929 section 4.1). */
const SIGNATURE_HASHES: Record<string, string> = {
  '1.2.840.113549.1.1.4': 'sha256',
  '1.2.840.113549.1.1.5': 'sha256',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.10040.4.3': 'sha256',
  '1.2.840.10045.4.1': 'sha256',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '2.16.840.1.101.3.4.3.2': 'sha256',
};
const RSASSA_PSS = '1.2.840.113549.1.1.10';
const HASHES: Record<string, string> = {
  '1.3.14.3.2.26': 'sha256',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.4': 'sha224',
};

/** `undefined` for signatures without a hash of their own (Ed25519), for which RFC 5929 defines no binding. */
function signatureHash(certificate: Uint8Array): string | undefined {
  try {
    const algorithm = readDer(readDer(certificate)[0]!.content)[1]!;
    const [oid, parameters] = readDer(algorithm.content);
    const name = readOid(oid!.content);
    if (name !== RSASSA_PSS) return SIGNATURE_HASHES[name];
    // RSASSA-PSS-params: [0] is the hash, SHA-1 if absent (RFC 4055 section 3.1).
    const hash = parameters && readDer(parameters.content).find(({ tag }) => tag === 0xa0);
    if (!hash) return 'sha256';
    return HASHES[readOid(readDer(readDer(hash.content)[0]!.content)[0]!.content)];
  } catch {
    return undefined;
  }
}
