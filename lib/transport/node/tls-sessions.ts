import type { TLSSocket } from 'node:tls';
import { certificateIn } from './openssl-session.js';

/** What is kept: a handful for each domain, as TLS 1.3 wants each used once (RFC 8446 appendix C.4). */
const MOST = 2;

/**
 * TLS sessions to resume, by domain. A resumed handshake costs no certificate on the wire and no signature; the peer's name is
 * checked all the same, by the certificate that the session holds.
 */
export class TlsSessions {
  readonly #byDomain = new Map<string, Buffer[]>();

  /** Takes one out. */
  take(domain: string): Buffer | undefined {
    return this.#byDomain.get(domain)?.pop();
  }

  /** Keeps what the peer of this socket offers, from now on. */
  keep(domain: string, socket: TLSSocket): void {
    socket.on('session', (session) => {
      // Resumed, a session of a form that is not known would have no certificate, and be refused.
      if (!certificateIn(session)) return;
      const kept = [...(this.#byDomain.get(domain) ?? []), session];
      this.#byDomain.set(domain, kept.slice(-MOST));
    });
  }
}
