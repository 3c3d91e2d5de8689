import { errorChildren } from '../xml/error-children.js';
import * as NS from '../xml/namespaces.js';
import { serialize } from '../xml/serialize.js';
import { xml } from '../xml/xml.js';
import { XmlElement } from '../xml/xml-element.js';

/** What our stream header says (RFC 6120 section 4.7). */
export interface HeaderAttributes {
  /** Absent where nobody has said who is there (RFC 6120 section 4.7.2). */
  readonly to: string | undefined;
  readonly from?: string;
  readonly lang?: string;
}

/** How a stream is put on the wire: where it opens and closes, and how one element is written. */
export interface Framing {
  readonly name: 'stream' | 'frames';
  header(attributes: HeaderAttributes): string;
  readonly footer: string;
  element(element: XmlElement): string;
  /** A stream error of ours (RFC 6120 section 4.9): `condition` and, for people, `text`. */
  error(condition: string, text: string): string;
}

function header(name: string, xmlns: string, { to, from, lang }: HeaderAttributes): string {
  return serialize(xml(name, { to, from, version: '1.0', 'xml:lang': lang, xmlns }), '');
}

/** RFC 6120: one XML document in each direction. */
export const streamFraming: Framing = {
  name: 'stream',
  header(attributes) {
    // The builder cannot leave an element open, so it is closed here and cut: escaping stays in one place.
    const closed = header('stream', NS.client, attributes);
    const attrs = closed.slice('<stream'.length, -'/>'.length);
    return `<?xml version='1.0'?><stream:stream xmlns:stream='${NS.stream}'${attrs}>`;
  },
  footer: '</stream:stream>',
  element: (element) => serialize(element, NS.client),
  // By the prefix that our header declares.
  error: (condition, text) =>
    serialize(xml('error', { xmlns: NS.stream }, errorChildren(condition, text, NS.streams)), NS.client, true),
};

/** RFC 7395: one element a message, each with its own namespace declarations. */
export const framesFraming: Framing = {
  name: 'frames',
  header: (attributes) => header('open', NS.framing, attributes),
  footer: `<close xmlns='${NS.framing}'/>`,
  // An element that inherits its namespace inherits nothing here (RFC 7395 section 3.3.3).
  element: ({ name, xmlns, attrs, children }) =>
    serialize(new XmlElement(name, xmlns || NS.client, attrs, children), ''),
  error: (condition, text) =>
    serialize(xml('error', { xmlns: NS.stream }, errorChildren(condition, text, NS.streams)), ''),
};

export function framingOf(name: 'stream' | 'frames'): Framing {
  return name === 'stream' ? streamFraming : framesFraming;
}
