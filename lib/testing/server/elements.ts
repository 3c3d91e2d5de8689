import { elements, NS, xml, type XmlElement, type XmlNode } from '../../xml/index.js';

/** The element with these attributes changed (`undefined`: removed). */
export function withAttrs(element: XmlElement, changes: Record<string, string | undefined>): XmlElement {
  return xml(element.name, { ...element.attrs, ...xmlnsOf(element), ...changes }, ...element.children);
}

export function withChildren(element: XmlElement, children: readonly XmlNode[]): XmlElement {
  return xml(element.name, { ...element.attrs, ...xmlnsOf(element) }, ...children);
}

/** A stanza that names its namespace: where it is written is not always in `jabber:client` (RFC 7395). */
export const qualified = (element: XmlElement): XmlElement =>
  element.xmlns === '' && element.attrs.xmlns !== '' ? withAttrs(element, { xmlns: NS.client }) : element;

const xmlnsOf = (element: XmlElement): { xmlns?: string } => (element.xmlns === '' ? {} : { xmlns: element.xmlns });

export const firstChild = (element: XmlElement): XmlElement | undefined => elements(element)[0];

const TYPES: Readonly<Record<string, string>> = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-allowed': 'cancel',
  'not-authorized': 'auth',
  'recipient-unavailable': 'wait',
  'remote-server-not-found': 'cancel',
  'remote-server-timeout': 'wait',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
};

/** The error for a stanza, as its addressee would send it (RFC 6120 section 8.3.1). */
export function stanzaError(stanza: XmlElement, condition: string, text?: string): XmlElement {
  const { id, from, to } = stanza.attrs;
  return xml(
    stanza.name,
    { xmlns: NS.client, type: 'error', id, from: to, to: from },
    xml(
      'error',
      { type: TYPES[condition] ?? 'cancel' },
      xml(condition, { xmlns: NS.stanzas }),
      text !== undefined && xml('text', { xmlns: NS.stanzas }, text),
    ),
  );
}

export function iqResult(request: XmlElement, payload?: XmlElement): XmlElement {
  const { id, from, to } = request.attrs;
  return xml('iq', { xmlns: NS.client, type: 'result', id, from: to, to: from }, payload);
}
