import { XmppError, type XmppErrorInit } from './xmpp-error.js';

/** Conditions after which the same attempt may succeed later (RFC 6120 section 4.9.3). */
const RETRYABLE = new Set([
  'connection-timeout',
  'internal-server-error',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'system-shutdown',
  'stream-closed',
  'undefined-condition',
]);

/**
 * The stream failed (RFC 6120 section 4.9). `origin` tells whether the peer said so (`remote`) or whether rxmpp found the
 * peer's bytes at fault (`local`). `stream-closed` (ours) stands for a footer that nobody asked for.
 */
export class StreamError extends XmppError {
  override readonly name: string = 'StreamError';
  readonly layer = 'stream' as const;
  readonly origin: 'local' | 'remote';
  /** Where `see-other-host` points to, as sent. */
  readonly location: string | undefined;

  constructor(init: XmppErrorInit & { origin?: 'local' | 'remote'; location?: string }) {
    super({ retryable: init.origin === 'remote' && RETRYABLE.has(init.condition), ...init });
    this.origin = init.origin ?? 'local';
    this.location = init.location;
  }
}
