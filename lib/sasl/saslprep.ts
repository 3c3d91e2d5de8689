import { followsStringprepBidi } from '../jid/unicode.js';
import { fault } from './fault.js';

/**
 * Prepares a user name or password (SASLprep, RFC 4013, for "stored strings"): spaces become U+0020, what is commonly
 * mapped to nothing goes, NFKC, then prohibited characters and mixed directions are refused. Idempotent.
 *
 * "Unassigned" means so in the engine's Unicode, where RFC 4013 means Unicode 3.2 of 2002: a password may hold an emoji or
 * a letter encoded since, as it may by RFC 8265, which replaces SASLprep. For what 3.2 assigns nothing differs, but for
 * symbols of Bidi class L, which do not count as left-to-right beside right-to-left text.
 *
 * @param what What the text is, for the error.
 * @throws SaslError `bad-credentials`. It says what is wrong in general and holds nothing of the text.
 */
export function saslprep(text: string, what: string, mechanism: string): string {
  const prepared = text
    // Tables C.1.2 and B.1 of RFC 3454. U+200B is in both, and counts as a space.
    .replace(/[\u200b\p{Zs}]/gu, ' ')
    .replace(/[\xad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g, '')
    .normalize('NFKC');
  // Tables C.2 to C.9 are the categories of controls, format characters, private use, surrogates and separators, with some
  // symbols (ideographic description, replacement characters); A.1 is the unassigned.
  const found = /[\p{C}\p{Zl}\p{Zp}\u2ff0-\u2fff\ufffc\ufffd]/u.test(prepared)
    ? 'a control, private or unassigned character'
    : followsStringprepBidi(prepared)
      ? ''
      : 'left-to-right and right-to-left text';
  if (found) throw fault('bad-credentials', `the ${what} holds ${found}, against SASLprep (RFC 4013)`, mechanism);
  return prepared;
}
