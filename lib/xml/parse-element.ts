import { noop } from 'rxjs';
import * as NS from './namespaces.js';
import { StreamParser } from './stream-parser.js';
import type { XmlElement } from './xml-element.js';

/**
 * Reads one element as it may stand in a client's stream: the inverse of `serialize(element)`.
 *
 * @returns `undefined` where there is none, or more than one.
 * @throws StreamError For what is wrong with it.
 */
export function parseElement(text: string): XmlElement | undefined {
  const found: XmlElement[] = [];
  const parser = new StreamParser(
    // UTF-8 takes up to three octets for each of JavaScript's characters.
    { framing: 'stream', limits: { stanzaBytes: 1024 + 3 * text.length } },
    {
      open: noop,
      element: (element) => found.push(element),
      close: noop,
      error: (error) => {
        throw error;
      },
    },
  );
  parser.write(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}'>${text}</stream:stream>`);
  return found.length === 1 ? found[0] : undefined;
}
