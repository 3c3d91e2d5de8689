import { XmppError } from './xmpp-error.js';

/**
 * Outgoing XML that cannot be written: an illegal character or name. `path` says where, as `message/body#text` or
 * `message/@id`. The stanza fails, the stream does not (RFC 6120 section 11, XML 1.0 section 2.2).
 */
export class XmlError extends XmppError {
  override readonly name: string = 'XmlError';
  readonly layer = 'xml' as const;
  readonly path: string;

  constructor(condition: 'illegal-character' | 'bad-name' | 'bad-namespace' | 'too-deep', path: string, text: string) {
    super({ condition, text });
    this.path = path;
  }
}
