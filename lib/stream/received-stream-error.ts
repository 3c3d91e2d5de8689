import { StreamError } from '../errors/stream-error.js';
import { NS } from '../xml/namespaces.js';
import { XmlElement } from '../xml/xml-element.js';
import type { Secrets } from './secrets.js';

/**
 * What a peer's `<stream:error/>` says (RFC 6120 section 4.9), but for what repeats a secret.
 *
 * @param mayFollow Whether a `see-other-host` is one to follow: only who has proved who it is can send us on.
 */
export function receivedStreamError(
  element: XmlElement,
  secrets: Secrets,
  mayFollow: (location: string) => boolean,
): StreamError {
  const children = element.children.filter((child) => child instanceof XmlElement);
  const condition = children.find(({ name, xmlns }) => xmlns === NS.streams && name !== 'text');
  const application = children.find(({ xmlns }) => xmlns !== NS.streams);
  const said = element.child('text', NS.streams)?.text().trim();
  const details = [said, application && `{${application.xmlns}}${application.name}`].filter(Boolean).join(' ');
  const words = secrets.told(details);
  const location = condition?.name === 'see-other-host' ? condition.text() : undefined;
  return new StreamError({
    condition: secrets.condition(condition?.name),
    origin: 'remote',
    text: `the server ended the stream${words ? ` and said: ${words}` : ''}`,
    location: location !== undefined && mayFollow(location) && secrets.told(location) ? location : undefined,
  });
}
