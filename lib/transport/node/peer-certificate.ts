import type { TLSSocket } from 'node:tls';
import { readDer } from './der.js';

/**
 * The peer's certificate as DER. Where a session was resumed the peer has sent none, and Node tells of none, but the
 * session holds that of the handshake which made it: field [3] of OpenSSL's SSL_SESSION.
 */
export function peerCertificate(socket: TLSSocket): Uint8Array | undefined {
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array };
  if (raw || !socket.isSessionReused()) return raw;
  return sessionField(socket, 0xa3);
}

/**
 * Whether the connection is bound to its handshake: by TLS 1.3, or by the extended master secret (RFC 7627). Node does
 * not tell of the latter, but the session does: field [13] holds flags, of which 1 is SSL_SESS_FLAG_EXTMS. A session of
 * another form counts as one without.
 */
export function isBoundToHandshake(socket: TLSSocket): boolean {
  if (socket.getProtocol() === 'TLSv1.3') return true;
  const flags = sessionField(socket, 0xad);
  try {
    return flags !== undefined && (readDer(flags)[0]!.content.at(-1)! & 1) === 1;
  } catch {
    return false;
  }
}

function sessionField(socket: TLSSocket, tag: number): Uint8Array | undefined {
  try {
    return readDer(readDer(socket.getSession()!)[0]!.content).find((field) => field.tag === tag)?.content;
  } catch {
    return undefined;
  }
}
