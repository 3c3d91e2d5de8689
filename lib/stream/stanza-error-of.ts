import type { Phase } from '../errors/phase.js';
import { StanzaError, type StanzaErrorType } from '../errors/stanza-error.js';
import { NS } from '../xml/namespaces.js';
import { XmlElement } from '../xml/xml-element.js';

const TYPES = new Set<string>(['auth', 'cancel', 'continue', 'modify', 'wait']);

/** What a stanza of type `error` says (RFC 6120 section 8.3). */
export function stanzaError(stanza: XmlElement, phase: Phase = 'online'): StanzaError {
  const error = stanza.child('error');
  const children = error?.children.filter((child) => child instanceof XmlElement) ?? [];
  const condition = children.find(({ name, xmlns }) => xmlns === NS.stanzas && name !== 'text');
  const application = children.find(({ xmlns }) => xmlns !== NS.stanzas);
  const type = error?.attrs.type ?? '';
  return new StanzaError({
    condition: condition?.name ?? 'undefined-condition',
    phase,
    type: TYPES.has(type) ? (type as StanzaErrorType) : 'cancel',
    by: error?.attrs.by ?? stanza.attrs.from,
    application: application && `{${application.xmlns}}${application.name}`,
    text: error?.child('text', NS.stanzas)?.text().trim() ?? '',
  });
}
