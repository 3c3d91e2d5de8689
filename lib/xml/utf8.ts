import { unexpected, XmlFault } from './xml-fault.js';

/** A byte order mark is a character like others (RFC 6120 section 11.6): `ignoreBOM` means *not swallowing* it. */
const DECODER = /* #__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = /* #__PURE__ */ new TextEncoder();

export const encode = (text: string): Uint8Array => ENCODER.encode(text);

export const NOTHING = /* #__PURE__ */ new Uint8Array(0) as Uint8Array;

export function concat(before: Uint8Array, after: Uint8Array): Uint8Array {
  const all = new Uint8Array(before.length + after.length);
  all.set(before);
  all.set(after, before.length);
  return all;
}

export const notUtf8 = (): XmlFault => new XmlFault('unsupported-encoding', 'not UTF-8');

/**
 * The text of octets that end with a whole character, and the same octets. Where they are no UTF-8 (RFC 3629), or hold what no
 * XML may beyond ASCII, it is what comes before, and `fault` says what follows: so where the octets were cut into chunks makes
 * no difference.
 */
export function decode(octets: Uint8Array): [text: string, octets: Uint8Array, fault?: XmlFault] {
  const text = DECODER.decode(octets);
  if (!/[\ufffd-\uffff]/.test(text)) return [text, octets];
  // What a lenient decoder replaces differs from what it stands for: in an octet, or it is shorter.
  const mended = encode(text);
  const wrong = mended.findIndex((octet, i) => octet !== octets[i]);
  if (wrong >= 0) {
    const [before, its, fault = notUtf8()] = decode(octets.subarray(0, completeEnd(octets.subarray(0, wrong))));
    return [before, its, fault];
  }
  const before = text.split(/[\ufffe\uffff]/, 1)[0]!;
  return before === text ? [text, octets] : [before, encode(before), unexpected(text[before.length]!)];
}

/** Where the last character ends that is complete. */
export function completeEnd(octets: Uint8Array): number {
  const { length } = octets;
  for (let back = 1; back < 4; back++) {
    const octet = octets[length - back]!;
    if (!(octet > 0x7f)) break;
    // The first of two octets or more, of three, of four; none begins with F5.
    if (octet > 0xbf) return octet < 0xf5 && octet >= 256 - (128 >> back) ? length - back : length;
  }
  return length;
}
