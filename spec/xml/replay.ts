import { serialize } from '../../lib/xml/serialize.js';
import { StreamParser, type StreamParserOptions } from '../../lib/xml/stream-parser.js';

/** The header that most specs begin with. */
export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
  "id='s1' from='example.org' version='1.0'>";

export const OPEN = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='s1' from='example.org' version='1.0'/>";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Octets from text and numbers: `octets('<a>', 0xc0, 0x80)`. */
export function octets(...parts: (string | number | readonly number[])[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...utf8(part)] : typeof part === 'number' ? [part] : part)),
  );
}

/** Parses chunks and tells what the parser told, a line each: `open`, elements as XML, `close`, `error: condition`. */
export function parseChunks(
  chunks: readonly (Uint8Array | string)[],
  options: Partial<StreamParserOptions> = {},
  onElement?: (parser: StreamParser, xml: string) => void,
): string[] {
  const log: string[] = [];
  const parser = new StreamParser(
    { framing: 'stream', ...options },
    {
      open: (header, contentNs) => log.push(`open ${header.name} ${contentNs}`),
      element: (element) => {
        const text = serialize(element, 'jabber:client');
        log.push(text);
        onElement?.(parser, text);
      },
      close: () => log.push('close'),
      error: (error) => log.push(`error: ${error.condition}`),
    },
  );
  for (const chunk of chunks) parser.write(chunk);
  return log;
}

/** Every way to cut `bytes` in two, and all single octets. */
export function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** What is told of the whole input, after checking that it is the same however the input is cut. */
export function replay(
  input: string | Uint8Array,
  options: Partial<StreamParserOptions> = {},
  onElement?: (parser: StreamParser, xml: string) => void,
): string[] {
  const bytes = typeof input === 'string' ? utf8(input) : input;
  const whole = parseChunks([bytes], options, onElement);
  for (const chunks of cuts(bytes)) {
    const cut = parseChunks(chunks, options, onElement);
    if (cut.join('\n') !== whole.join('\n')) {
      // Told as a difference, with where it was cut.
      expect({ cut: chunks[0]!.length, log: cut }).toEqual({ cut: chunks[0]!.length, log: whole });
    }
  }
  return whole;
}
