import { StreamError } from '../errors/stream-error.js';
import { XmppError } from '../errors/xmpp-error.js';

/**
 * Whether to connect again after this error. What would only fail again is fatal: wrong credentials, an untrusted
 * certificate, `conflict`, `policy-violation`, `host-unknown` (RFC 6120 section 4.9.3).
 *
 * Bytes that break the protocol are fatal while a stream is being negotiated, since that peer speaks something else; in a
 * session that has worked they are one bad stanza, and not a reason to stay away for good. So they are where the server says
 * that ours do: Prosody 0.12 parses what comes on a resumed stream as the rest of what the lost one was cut in. Nor is
 * a session that is sent to another host. Once we have asked for the close nothing is a reason to come back.
 */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof XmppError) || error.phase === 'close') return false;
  if (error.retryable) return true;
  if (!(error instanceof StreamError) || error.phase !== 'online') return false;
  return error.origin === 'local' || error.location !== undefined || MALFORMED.test(error.condition);
}

const MALFORMED = /^(bad-format|invalid-xml|not-well-formed)$/;
