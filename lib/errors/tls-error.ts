import { XmppError, type XmppErrorInit } from './xmpp-error.js';

/**
 * - `untrusted-certificate`: the chain does not lead to a trusted CA, is not valid yet or revoked; or `verifyPeer` refused it;
 * - `certificate-expired`: it was valid once;
 * - `wrong-identity`: the certificate is not for the JID's domain (RFC 6120 section 13.7.1.2);
 * - `tls-unavailable`: TLS is required and the peer refuses it or cannot do it;
 * - `handshake-failed`: anything else (protocol versions, ciphers, a peer that speaks no TLS);
 * - `data-after-proceed`: plaintext after `<proceed/>` (injection, CVE-2011-0411).
 */
export type TlsCondition =
  | 'untrusted-certificate'
  | 'certificate-expired'
  | 'wrong-identity'
  | 'tls-unavailable'
  | 'handshake-failed'
  | 'data-after-proceed';

/** TLS could not be established or the peer's identity not verified. Not retryable unless said otherwise. */
export class TlsError extends XmppError {
  override readonly name: string = 'TlsError';
  readonly layer = 'tls' as const;
  declare readonly condition: TlsCondition;

  constructor(init: XmppErrorInit & { condition: TlsCondition }) {
    super(init);
  }
}
