import * as NS from './namespaces.js';
import type { XmlElement } from './xml-element.js';

/** What is counted by stream management, and delivered (RFC 6120 section 8). */
export function isStanza({ name, xmlns }: XmlElement): boolean {
  return (name === 'message' || name === 'presence' || name === 'iq') && (xmlns === '' || xmlns === NS.client);
}
