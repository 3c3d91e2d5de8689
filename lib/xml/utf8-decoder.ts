import { XmlFault } from './xml-fault.js';

const NONE = new Uint8Array(0);
/** One for all: without the `stream` option it keeps nothing from call to call. */
const DECODER = /* #__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Streaming, fatal UTF-8 (RFC 3629). What is valid before the first bad octet is still delivered, so that where the
 * octets were cut into chunks makes no difference.
 *
 * It keeps an unfinished sequence by itself, instead of `TextDecoder`'s `stream` option: so it can tell whether one is
 * left over, and Node decodes whole chunks much faster. A byte order mark is a character like others (RFC 6120 section
 * 11.6), hence `ignoreBOM`, which means *not swallowing* it.
 */
export class Utf8Decoder {
  #rest: Uint8Array = NONE;
  #fault: XmlFault | undefined;

  /** Octets of a sequence that is not complete yet, 0 to 3. */
  get pending(): number {
    return this.#rest.length;
  }

  /** Set once a bad octet was met: nothing can follow the text decoded so far. */
  get fault(): XmlFault | undefined {
    return this.#fault;
  }

  decode(bytes: Uint8Array): string {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    const end = completeEnd(all);
    // Copied, as a socket may use its buffer again; `slice` of Node's Buffer would not.
    this.#rest = end === all.length ? NONE : new Uint8Array(all.subarray(end));
    const complete = end === all.length ? all : all.subarray(0, end);
    try {
      return DECODER.decode(complete);
    } catch {
      this.#rest = NONE;
      this.#fault = new XmlFault('unsupported-encoding', 'the octets are not UTF-8');
      return validPrefix(complete);
    }
  }
}

/** Runs once a stream at most. What a lenient decoder replaces differs from what it stands for. */
function validPrefix(bytes: Uint8Array): string {
  const mended = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  const bad = bytes.findIndex((octet, i) => octet !== mended[i]);
  return DECODER.decode(bytes.subarray(0, completeEnd(bytes.subarray(0, bad))));
}

/** Where the last complete sequence ends. */
function completeEnd(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const octet = bytes[length - back]!;
    if (octet < 0x80) return length;
    if (octet >= 0xc0) {
      const size = octet >= 0xf5 ? 1 : octet >= 0xf0 ? 4 : octet >= 0xe0 ? 3 : 2;
      return size > back ? length - back : length;
    }
  }
  return length;
}
