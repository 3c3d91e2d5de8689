import { fromUtf8 } from './bytes.js';

/**
 * The text of a message of the server if it is a list of attributes (RFC 5802 section 7), each once; `''` for anything else. It is
 * strict, for what is let pass here is signed with the password.
 */
export function attributeList(message: Uint8Array): string {
  const text = fromUtf8(message) ?? '';
  const attributes = text.split(',');
  const names = new Set(attributes.map(([name]) => name));
  return names.size === attributes.length && attributes.every((one) => /^[A-Za-z]=[^\0]+$/.test(one)) ? text : '';
}

/** `=` and `,` of a user name or authorization identity, escaped (RFC 5802 section 5.1). */
export function saslname(text: string): string {
  return text.replaceAll('=', '=3D').replaceAll(',', '=2C');
}
