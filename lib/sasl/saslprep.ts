import { SaslError } from '../errors/index.js';
import { followsStringprepBidi } from '../jid/unicode.js';

/**
 * Prepares a user name or password (SASLprep, RFC 4013, for "stored strings"): spaces become U+0020, what is commonly
 * mapped to nothing goes, NFKC, then prohibited characters and mixed directions are refused. Idempotent.
 *
 * "Unassigned" means so in the engine's Unicode, where RFC 4013 means Unicode 3.2 of 2002: a password may hold an emoji or
 * a letter encoded since, as it may by RFC 8265, which replaces SASLprep. For what 3.2 assigns nothing differs, but for
 * symbols of Bidi class L, which do not count as left-to-right beside right-to-left text.
 *
 * @throws SaslError `bad-credentials`. It says what is wrong in general and holds nothing of the text.
 */
export function saslprep(text: string): string {
  const prepared = text
    // Tables C.1.2 and B.1 of RFC 3454. U+200B is in both, and counts as a space.
    .replace(/[\u200b\p{Zs}]/gu, ' ')
    .replace(/[\xad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g, '')
    .normalize('NFKC');
  // Tables C.2 to C.9 are the categories of controls, format characters, private use, surrogates and separators, with some
  // symbols (ideographic description, replacement characters); A.1 is the unassigned.
  if (/[\p{C}\p{Zl}\p{Zp}\u2ff0-\u2fff\ufffc\ufffd]/u.test(prepared)) {
    return refuse('a control, private or unassigned character');
  }
  return followsStringprepBidi(prepared) ? prepared : refuse('a mixture of left-to-right and right-to-left text');
}

function refuse(what: string): never {
  throw new SaslError({
    condition: 'bad-credentials',
    text: `the user name or password holds ${what}, which SASLprep (RFC 4013) does not allow`,
  });
}
