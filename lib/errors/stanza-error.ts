import { XmppError, type XmppErrorInit } from './xmpp-error.js';

/** What the sender may do about it (RFC 6120 section 8.3.2): `wait` and try again, `modify` what was sent, `auth`enticate ... */
export type StanzaErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';

/**
 * A stanza of type `error` (RFC 6120 section 8.3), or a stanza that could not be settled. Conditions of section 8.3.3, and
 * of ours:
 * - `session-lost`: the session ended before the answer came; the cause says why;
 * - `cancelled`: the session was closed by us.
 */
export class StanzaError extends XmppError {
  override readonly name: string = 'StanzaError';
  readonly layer = 'stanza' as const;
  readonly type: StanzaErrorType;
  /** Who raised it: the `by` attribute or the sender of the error stanza. */
  readonly by: string | undefined;
  /** The application-specific condition, as `{namespace}name`. */
  readonly application: string | undefined;

  constructor(init: XmppErrorInit & { type?: StanzaErrorType; by?: string; application?: string }) {
    super({ phase: 'online', retryable: init.type === 'wait', ...init });
    this.type = init.type ?? 'cancel';
    this.by = init.by;
    this.application = init.application;
  }
}
