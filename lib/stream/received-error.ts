import { elements } from '../xml/elements.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Secrets } from './secrets.js';

/**
 * What the error of a stream or of a stanza says (RFC 6120 sections 4.9.2 and 8.3.2), but for what repeats a secret.
 *
 * @param xmlns The namespace of the defined conditions.
 */
export function receivedError(error: XmlElement | undefined, xmlns: string, secrets: Secrets) {
  const told = (words = '') => secrets.told(words) || undefined;
  const children = elements(error);
  const defined = children.find((child) => child.xmlns === xmlns && child.name !== 'text');
  const application = children.find((child) => child.xmlns !== xmlns);
  return {
    condition: secrets.condition(defined?.name),
    text: told(error?.child('text', xmlns)?.text().trim()),
    application: told(application && `{${application.xmlns}}${application.name}`),
    /** What the defined condition holds: the address of `see-other-host`, say. */
    content: defined?.text(),
  };
}
