import type { Phase } from '../errors/phase.js';
import { StanzaError, type StanzaErrorType } from '../errors/stanza-error.js';
import * as NS from '../xml/namespaces.js';
import type { XmlElement } from '../xml/xml-element.js';
import { receivedError } from './received-error.js';
import { Secrets } from './secrets.js';

/** What a stanza of type `error` says (RFC 6120 section 8.3), but for what repeats one of `secrets`. */
export function stanzaError(stanza: XmlElement, phase: Phase = 'online', secrets = new Secrets()): StanzaError {
  const error = stanza.child('error');
  const { type = '', by = stanza.attrs.from } = error?.attrs ?? {};
  return new StanzaError({
    ...receivedError(error, NS.stanzas, secrets),
    phase,
    type: /^(auth|continue|modify|wait)$/.test(type) ? (type as StanzaErrorType) : 'cancel',
    by: by && (secrets.told(by) || undefined),
  });
}
