import { elements, type XmlElement } from '../../xml/index.js';

/** What a stanza is about, in a few words: the body of a message, the show and status of a presence, else its payloads. */
export function describeStanza(stanza: XmlElement): string {
  const error = stanza.attrs.type === 'error' ? stanza.child('error') : undefined;
  if (error) return payloads(error).join(' ') || 'undefined-condition';
  const body = stanza.child('body')?.text();
  if (body !== undefined) return JSON.stringify(body);
  if (stanza.name === 'presence') {
    const told = ['show', 'status'].map((name) => stanza.child(name)?.text()).filter(Boolean);
    return told.map((text) => JSON.stringify(text)).join(' ');
  }
  return payloads(stanza).join(' ');
}

/** As a stanza without a type is to be taken (RFC 6121 sections 4.7.1 and 5.2.2). */
export function typeOf({ name, attrs }: XmlElement): string {
  return attrs.type ?? (name === 'presence' ? 'available' : 'normal');
}

function payloads(element: XmlElement): string[] {
  return elements(element).map(({ name, xmlns }) =>
    xmlns === '' || xmlns === 'jabber:client' ? name : `{${xmlns}}${name}`,
  );
}
