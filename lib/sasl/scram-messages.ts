import { decodeBase64 } from './base64.js';
import { fromUtf8 } from './bytes.js';

/** RFC 5802 section 7, `server-first-message`. */
export interface ServerFirst {
  /** As it arrived: it is signed as it is. */
  readonly text: string;
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** The hash of the offer (XEP-0474), where the server tells one. */
  readonly offerHash: string | undefined;
}

/** RFC 5802 section 7, `server-final-message`. */
export type ServerFinal = { readonly signature: Uint8Array } | { readonly error: string };

const attribute = /^([A-Za-z])=([^\0,]+)$/;
/** Every printable character of ASCII but the comma. */
const printable = /^[\x21-\x2b\x2d-\x7e]+$/;
/** Bounded so that it is exact as a number; what counts as too many is for the caller to say. */
const positive = /^[1-9]\d{0,14}$/;

/**
 * Parses strictly: attributes in order, each once, canonical base64, no mandatory extension (`m=`), for what is let
 * pass here is signed with the password. Unknown extensions after the iteration count are ignored, as section 5.1 asks.
 *
 * Returns the reason, without anything from the message, where the grammar is broken.
 */
export function parseServerFirst(challenge: Uint8Array): ServerFirst | string {
  const text = fromUtf8(challenge);
  const attributes = parseAttributes(text);
  if (typeof attributes === 'string') return attributes;
  const [r, s, i] = attributes;
  if (attributes.some(([name]) => name === 'm')) return 'the server asks for an extension that is not known';
  if (r[0] !== 'r' || s?.[0] !== 's' || i?.[0] !== 'i') return 'the challenge is not a nonce, a salt and a count';
  if (!printable.test(r[1])) return 'the nonce holds a character that it must not';
  const salt = decodeBase64(s[1]);
  if (!salt) return 'the salt is not base64';
  if (!positive.test(i[1])) return 'the iteration count is not a positive number';
  const offerHash = attributes.find(([name]) => name === 'h')?.[1];
  return { text: text!, nonce: r[1], salt, iterations: Number(i[1]), offerHash };
}

/** `undefined` for anything that is neither a signature nor an error. */
export function parseServerFinal(data: Uint8Array): ServerFinal | undefined {
  const attributes = parseAttributes(fromUtf8(data));
  if (typeof attributes === 'string') return undefined;
  const [name, value] = attributes[0];
  if (name === 'e') return { error: value };
  const signature = name === 'v' ? decodeBase64(value) : undefined;
  return signature && { signature };
}

/** `=` and `,` of a user name or authorization identity, escaped (RFC 5802 section 5.1). */
export function saslname(text: string): string {
  return text.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

function parseAttributes(text: string | undefined): [name: string, value: string][] | string {
  if (text === undefined) return 'the challenge is not UTF-8';
  const seen = new Set<string>();
  const attributes: [string, string][] = [];
  for (const part of text.split(',')) {
    const match = attribute.exec(part);
    if (!match) return 'the challenge is not a list of attributes';
    if (seen.has(match[1])) return 'an attribute stands twice in the challenge';
    seen.add(match[1]);
    attributes.push([match[1], match[2]]);
  }
  return attributes;
}
