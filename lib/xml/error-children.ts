import { xml } from './xml.js';
import type { XmlElement } from './xml-element.js';

/** What an error of a stream or a stanza holds (RFC 6120 sections 4.9.2 and 8.3.2): its condition and, for people, its text. */
export function errorChildren(condition: string, text: string, xmlns: string): XmlElement[] {
  return [xml(condition, { xmlns }), ...(text ? [xml('text', { xmlns, 'xml:lang': 'en' }, text)] : [])];
}
