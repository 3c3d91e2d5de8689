import type { TLSSocket } from 'node:tls';
import { certificateIn, hasExtendedMasterSecret } from './openssl-session.js';

/**
 * The peer's certificate as DER. Where a session was resumed the peer has sent none, and Node tells of none, but the
 * session holds that of the handshake which made it.
 */
export function peerCertificate(socket: TLSSocket): Uint8Array | undefined {
  const { raw } = socket.getPeerCertificate() as { raw?: Uint8Array };
  return raw ?? (socket.isSessionReused() ? certificateIn(socket.getSession()) : undefined);
}

/** Whether the connection is bound to its handshake: by TLS 1.3, or by the extended master secret, of which Node does not tell. */
export function isBoundToHandshake(socket: TLSSocket): boolean {
  return socket.getProtocol() === 'TLSv1.3' || hasExtendedMasterSecret(socket.getSession());
}
