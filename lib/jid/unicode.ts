/**
 * What PRECIS, IDNA and SASLprep need to know of Unicode, asked of the engine (property escapes, normalization, URL parser)
 * in place of tables, which would weigh more than the rest of the client. Only the Bidi classes need a list, and since the
 * blocks of right-to-left scripts are reserved as such, the list is short and holds for scripts to come.
 */
const RTL_BLOCKS = String.raw`[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]`;
/** Class AN: Arabic-Indic, Hanifi Rohingya and Garay digits. */
const AN = String.raw`\u0660-\u0669\u{10d30}-\u{10d39}\u{10d40}-\u{10d49}`;
/** Class EN: extended Arabic-Indic digits are like ASCII ones. */
const EN = String.raw`0-9\u06f0-\u06f9`;
/** Class R or AL (the rules treat them alike): what is in those blocks, but for marks, digits and a few symbols. */
const R = String.raw`(?![\p{M}${AN}${EN}\u060c\u066a-\u066c\u06de\u06e9\ufd3e\ufd3f])${RTL_BLOCKS}`;
/** Class L: every other letter, spacing mark and digit, but for the modifier letters of class ON. */
const L = String.raw`(?!${RTL_BLOCKS}|[0-9\u02b9\u02ba\u02c6-\u02cf\u02ec\u2e2f\ua67f\ua717-\ua71f\ua788])[\p{L}\p{Mc}\p{Nd}\p{Nl}]`;

/** Class R, AL or AN. */
const RTL = `${R}|[${AN}]`;

const matches = (source: string): ((text: string) => boolean) => {
  const expression = new RegExp(source, 'su');
  return (text) => expression.test(text);
};

/** Whether the text holds a character of Bidi class R, AL or AN, so that the Bidi rule applies (RFC 5893 section 1.4). */
export const isRightToLeft = matches(RTL);

/**
 * The six conditions of the Bidi rule (RFC 5893 section 2), for text of which every character is a PRECIS identifier's: what a
 * label begins with, what it ends with but for marks, and what is nowhere in it.
 */
export const followsBidiRule = matches(
  `^(?:(?!.*${L})(?:(?!.*[${AN}])|(?!.*[${EN}]))${R}(?:.*(?:${RTL}|[${EN}]))?|(?!.*(?:${RTL}))${L}(?:.*(?:${L}|[${EN}]))?)\\p{Mn}*$`,
);

/** The older requirement of stringprep (RFC 3454 section 6): no mixture, and right-to-left text begins and ends as such. */
export const followsStringprepBidi = matches(`^(?:(?!.*${R})|(?!.*${L})${R}(?:.*${R})?$)`);

/**
 * Lower case (of what Changes_When_Lowercased), character by character: `String.prototype.toLowerCase` makes a capital sigma another letter at the end of a
 * word, and then one user would have two names.
 */
export const lowerCase = (text: string): string => text.replace(/\p{CWL}/gu, (c) => c.toLowerCase());

/**
 * IDNA's ToASCII, as every engine has it in its URL parser: UTS #46, nontransitional, with CheckBidi and CheckJoiners.
 * `undefined` where the domain is invalid.
 */
// The last label keeps the URL parser from reading numbers as an IPv4 address (`1.2` would become 1.0.0.2).
export const toAscii = (domain: string): string | undefined => hostname(`${domain}.a`)?.slice(0, -2);

/** The host as the URL parser writes it, `undefined` if there is none. */
export function hostname(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}
