import { XmppError } from './xmpp-error.js';

/** A text that is no JID (RFC 7622). `part` names the part at fault. */
export class JidError extends XmppError {
  override readonly name: string = 'JidError';
  readonly layer = 'jid' as const;
  readonly part: 'local' | 'domain' | 'resource';

  constructor(part: 'local' | 'domain' | 'resource', text: string, cause?: unknown) {
    super({ condition: 'jid-malformed', text, cause });
    this.part = part;
  }
}
