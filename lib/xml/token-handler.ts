import type { Attributes } from './attributes.js';

/** What a tokenizer tells. Names are as written, prefix included; references are resolved, lines normalised. */
export interface TokenHandler {
  /**
   * A start tag.
   *
   * @param attributes By name as written, `xmlns` left out; the handler's own from here on.
   * @param xmlns The default namespace that the tag declares.
   * @param prefixed Whether a name in `attributes` has a prefix, other than in `xml:lang`, which stands for itself.
   * @param count How many attributes and declarations there are.
   */
  startTag(
    name: string,
    attributes: Attributes | undefined,
    xmlns: string | undefined,
    prefixed: boolean,
    count: number,
  ): void;
  /** The end of the innermost open element. */
  endTag(): void;
  /** All character data between two tags, not empty. */
  text(text: string): void;
  /** White space between elements at the top level, which is not told as text, was read. */
  whitespace(): void;
}
