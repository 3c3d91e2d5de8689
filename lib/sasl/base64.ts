const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i;

/** Base64 (RFC 4648 section 4) with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const { length } = bytes;
  let text = '';
  for (let i = 0; i < length; i += 3) {
    // Reading past the end gives undefined, which the shifts take for 0.
    const group = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
    text += alphabet[group >> 18] + alphabet[(group >> 12) & 63];
    text += i + 1 < length ? alphabet[(group >> 6) & 63] : '=';
    text += i + 2 < length ? alphabet[group & 63] : '=';
  }
  return text;
}

/**
 * The bytes of canonical base64; `undefined` for anything else. White space, missing padding and stray bits in the last
 * character are refused (RFC 4648 section 3.5, RFC 6120 section 13.9.1): what is decoded has one spelling, so a text
 * that was signed cannot be respelled.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const { length } = text;
  if (length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((length / 4) * 3 - padding);
  const end = length - padding;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < end; i++) {
    const value = values[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffffff;
    // Of each four characters the second, third and fourth complete a byte.
    const over = (i & 3) === 0 ? -1 : 6 - 2 * (i & 3);
    if (over >= 0) bytes[at++] = (bits >> over) & 0xff;
  }
  const spare = padding === 2 ? 0x0f : padding === 1 ? 0x03 : 0;
  return (bits & spare) === 0 ? bytes : undefined;
}
