/** Base64 (RFC 4648 section 4) with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let octets = '';
  for (const byte of bytes) octets += String.fromCharCode(byte);
  return btoa(octets);
}

/**
 * The bytes of canonical base64; `undefined` for anything else. White space, missing padding and stray bits in the last
 * character are refused (RFC 4648 section 3.5, RFC 6120 section 13.9.1): what is decoded has one spelling, so a text
 * that was signed cannot be respelled.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  // Told by its length, as EXTERNAL's lone `=` is: to have the platform throw would take far longer.
  if (text.length % 4) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text), (octet) => octet.charCodeAt(0));
    // The platform lets more pass.
    if (encodeBase64(bytes) === text) return bytes;
  } catch {
    // It is no base64.
  }
  return undefined;
}
