import { XmppError } from './xmpp-error.js';

/** An option or argument that cannot be used, found before anything was sent. Never retryable. */
export class UsageError extends XmppError {
  override readonly name: string = 'UsageError';
  readonly layer = 'usage' as const;

  constructor(condition: string, text: string, cause?: unknown) {
    super({ condition, text, cause });
  }
}
