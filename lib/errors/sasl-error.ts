import { XmppError, type XmppErrorInit } from './xmpp-error.js';

/**
 * Authentication failed. Conditions of RFC 6120 section 6.5 as the server sent them (`not-authorized`,
 * `temporary-auth-failure` ...), and of ours:
 * - `no-mechanism`: the server offers none that these credentials and this policy allow;
 * - `server-not-authentic`: the server's signature is missing or wrong (RFC 5802 section 3);
 * - `bad-challenge`: the server broke the mechanism's grammar or bounds;
 * - `mechanisms-tampered`: the list of mechanisms was changed on the way (XEP-0474);
 * - `bad-credentials`: user name or password are not allowed by SASLprep, or empty; there is no access token, or none that can be one;
 * - `crypto-failed`: the platform has no WebCrypto (a page that was not loaded securely), or it failed.
 */
export class SaslError extends XmppError {
  override readonly name: string = 'SaslError';
  readonly layer = 'sasl' as const;
  readonly mechanism: string | undefined;

  constructor(init: XmppErrorInit & { mechanism?: string }) {
    super({ phase: 'sasl', retryable: init.condition === 'temporary-auth-failure', ...init });
    this.mechanism = init.mechanism;
  }
}
