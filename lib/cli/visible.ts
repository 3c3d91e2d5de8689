/**
 * C0 and C1 control characters, line separators and what changes the direction of text: whoever sends us a message must not be able
 * to move the cursor of our terminal, or to make a line look like another one.
 */
export const INVISIBLE =
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text from elsewhere, on one line, with everything that a terminal would obey written out. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
