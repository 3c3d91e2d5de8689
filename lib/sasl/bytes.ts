export { encode as utf8, NOTHING } from '../xml/utf8.js';

/** The text of well-formed UTF-8, a byte order mark kept as the character that it is; `undefined` for anything else. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** For two of the same length. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]);
}

/** Takes the same time wherever the difference is, so that the time tells nothing of what was expected. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && xor(a, b).reduce((all, difference) => all | difference, 0) === 0;
}
