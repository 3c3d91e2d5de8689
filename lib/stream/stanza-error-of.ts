import type { Phase } from '../errors/phase.js';
import { StanzaError, type StanzaErrorType } from '../errors/stanza-error.js';
import { NS } from '../xml/namespaces.js';
import { XmlElement } from '../xml/xml-element.js';
import { Secrets } from './secrets.js';

const TYPES = new Set<string>(['auth', 'cancel', 'continue', 'modify', 'wait']);

/** What a stanza of type `error` says (RFC 6120 section 8.3), but for what repeats one of `secrets`. */
export function stanzaError(stanza: XmlElement, phase: Phase = 'online', secrets = new Secrets()): StanzaError {
  const told = (words = '') => secrets.told(words) || undefined;
  const error = stanza.child('error');
  const children = error?.children.filter((child) => child instanceof XmlElement) ?? [];
  const condition = children.find(({ name, xmlns }) => xmlns === NS.stanzas && name !== 'text');
  const application = children.find(({ xmlns }) => xmlns !== NS.stanzas);
  const type = error?.attrs.type ?? '';
  return new StanzaError({
    condition: secrets.condition(condition?.name),
    phase,
    type: TYPES.has(type) ? (type as StanzaErrorType) : 'cancel',
    by: told(error?.attrs.by ?? stanza.attrs.from),
    application: told(application && `{${application.xmlns}}${application.name}`),
    text: told(error?.child('text', NS.stanzas)?.text().trim()),
  });
}
