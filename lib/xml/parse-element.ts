import { NS } from './namespaces.js';
import { StreamParser } from './stream-parser.js';
import type { XmlElement } from './xml-element.js';

/** Reads one element of a client's stream: the inverse of `serialize(element)`. `undefined` for anything else. */
export function parseElement(text: string): XmlElement | undefined {
  const found: XmlElement[] = [];
  let faulty = false;
  const parser = new StreamParser(
    // UTF-8 takes up to three octets for each of JavaScript's characters.
    { framing: 'stream', limits: { stanzaBytes: 1024 + 3 * text.length } },
    {
      open: () => undefined,
      element: (element) => found.push(element),
      close: () => undefined,
      error: () => (faulty = true),
    },
  );
  parser.write(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}'>`);
  parser.write(text);
  parser.write('</stream:stream>');
  parser.dispose();
  return faulty || found.length !== 1 ? undefined : found[0];
}
