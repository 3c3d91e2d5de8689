import { codePoint } from '../xml/characters.js';
import { followsBidiRule, isRightToLeft, lowerCase, toAscii } from './unicode.js';

/** Raises the caller's error; gets what is wrong as the rest of a sentence: `holds U+0020, which ...`. */
export type Fail = (what: string) => never;

/** Prepares a text that is not empty, or refuses it. */
export type Profile = (text: string, fail: Fail) => string;

export const EMPTY = 'is empty';
export const TOO_LONG = 'is longer than 1023 octets';

// RFC 8264 section 8 asks the categories in order, and the first that has a code point decides. As one expression: first the
// exceptions that are disallowed (9.6), old Hangul jamo (9.9) and ignorable code points (9.13). Controls, surrogates, format
// characters, private use and the unassigned are in neither class. What needs context passes, for `misplaced` to judge.
const outside = (disallowed: string, allowed: string): RegExp =>
  new RegExp(
    String.raw`(?!(?![\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff${disallowed}]|(?![\u200c\u200d])\p{DI})[!-~\xb7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u200c\u200d\u3007\u30fb\p{L}\p{Nd}\p{Mn}\p{Mc}${allowed}])[^]`,
    'u',
  );
const outsideIdentifier = outside('\\p{Lt}', '');
const outsideFreeform = outside('', ' \\p{N}\\p{M}\\p{Zs}\\p{S}\\p{P}');
/** HasCompat (9.17): of the classes, only the FreeformClass has such code points. */
const hasCompat = (c: string): boolean => c > '\x7f' && c.normalize('NFKC') !== c;

/** How errors name a character. */
export const holds = (c: string | undefined): string | undefined => c && `holds ${codePoint(c)}`;

/** What in the text is outside the IdentifierClass (RFC 8264 section 4.2); IDNA2008 allows the same beyond ASCII. */
export const identifierFault = (text: string): string | undefined =>
  holds(outsideIdentifier.exec(text)?.[0] ?? [...text].find(hasCompat));

// Middle dot between two l (RFC 5892 appendix A.3), keraia before Greek (A.4), geresh and gershayim after Hebrew (A.5, A.6).
const lonely = /(?:^|[^l])\xb7|\xb7(?!l)|\u0375(?!\p{sc=Grek})|(?:^|\P{sc=Hebr})[\u05f3\u05f4]/u;
const joiners = /(\p{L}?\p{M}*)([\u200c\u200d])(?=(\p{M}*\p{L}?))/gu;

/** What in the text breaks the contextual rules (RFC 5892 appendix A). The text is in NFC. */
export function contextFault(text: string): string | undefined {
  const wrong =
    lonely.test(text) ||
    // A.7: the Katakana middle dot needs Japanese.
    (/\u30fb/.test(text) && !/[\p{sc=Hira}\p{sc=Kana}\p{sc=Hani}]/u.test(text)) ||
    // A.8, A.9: Arabic-Indic and extended Arabic-Indic digits do not mix.
    (/[\u0660-\u0669]/.test(text) && /[\u06f0-\u06f9]/.test(text)) ||
    // Spares nearly every text the rest.
    (/[\u200c\u200d]/.test(text) &&
      [...text.matchAll(joiners)].some(([, before, joiner, after]) => !joins(before!, joiner!, after!)));
  return wrong ? 'holds a character out of context' : undefined;
}

/** A joiner is allowed after a virama (A.1, A.2), the non-joiner also between two letters that would join (A.1). */
const joins = (before: string, joiner: string, after: string): boolean =>
  isVirama([...before.normalize('NFD')].pop()) ||
  // Joining types are not in the property escapes, but the URL parser checks this very rule (UTS #46, CheckJoiners). Node's
  // knows those of the basic plane only, and so refuses a non-joiner between letters of Adlam, say.
  (joiner === '\u200c' && /^\p{L}/u.test(before) && toAscii(before + joiner + after) !== undefined);

/**
 * Canonical_Combining_Class = 9, which is no property escape: normalization sorts marks by class, so it is what stays between
 * U+3099 (class 8) and U+05B0 (class 10).
 */
const isVirama = (c: string | undefined): boolean => `\u05b0${c}\u3099`.normalize('NFD') === `\u3099${c}\u05b0`;

/**
 * The UsernameCaseMapped profile (RFC 8265 section 3.3): wide and narrow forms become ordinary ones, upper case becomes lower
 * case, NFC, Bidi rule. Idempotent.
 */
export function usernameCaseMapped(text: string, fail: Fail): string {
  if (/^[!-~]+$/.test(text)) return text.toLowerCase();
  // NFKC is the width mapping where only wide and narrow forms are put through it: what else it may make of them is outside
  // the class, as they are.
  const wide = text.replace(/[\u3000\uff01-\uffef]/g, (c) => c.normalize('NFKC'));
  const prepared = lowerCase(wide).normalize('NFC');
  const why =
    identifierFault(wide) ??
    // NFC makes a symbol of an equals sign and a solidus overlay.
    identifierFault(prepared) ??
    contextFault(prepared) ??
    (isRightToLeft(prepared) && !followsBidiRule(prepared) && 'mixes directions of writing');
  return why ? fail(why) : prepared;
}

/** The OpaqueString profile (RFC 8265 section 4.2): every space becomes U+0020, NFC. Idempotent. */
export function opaqueString(text: string, fail: Fail): string {
  if (/^[ -~]+$/.test(text)) return text;
  const prepared = text.replace(/\p{Zs}/gu, ' ').normalize('NFC');
  const why = holds(outsideFreeform.exec(text)?.[0]) ?? contextFault(prepared);
  return why ? fail(why) : prepared;
}
