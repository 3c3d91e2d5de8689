import { Attributes } from './attributes.js';
import { isQName } from './characters.js';
import { declarationLength } from './declaration.js';
import { KNOWN, knowName, knownName } from './known-names.js';
import { referent } from './references.js';
import { concat, encode, NOTHING } from './utf8.js';
import { checkLimit, restricted, unexpected, type XmlFault } from './xml-fault.js';
import type { XmlLimits } from './xml-limits.js';

/**
 * Octets that mean something. As what ends something unfinished: `>`, the quotation mark that it must go on to, for `&` what can
 * be in no reference, or ...
 */
const enum Octet {
  /** ... there is nothing unfinished. */
  None = 0,
  /** ... any octet: it is so short that what it is must be seen again, together with what follows. */
  Any = 1,
  CR = 0x0d,
  Bang = 0x21,
  Quote = 0x22,
  Amp = 0x26,
  Apostrophe = 0x27,
  Slash = 0x2f,
  Less = 0x3c,
  Equal = 0x3d,
  Greater = 0x3e,
  Question = 0x3f,
  Bracket = 0x5d,
}

/** Where an octet stands for itself, and what it is. */
const enum Class {
  InText = 1,
  InCdata = 2,
  InQuotes = 4,
  InApostrophes = 8,
  InName = 16,
  NameStart = 32,
  /** A name with it must be looked at more closely; `#` is no part of a name, but of a reference. */
  Unusual = 64,
  Space = 128,
}

/** By bit. What is not ASCII stands everywhere but in white space: that it is a character of XML was seen to before. */
const SETS = [
  /[^\0-\x08\x0b-\x1f<>&]/,
  /[^\0-\x08\x0b-\x1f>]/,
  /[^\0-\x1f"<&]/,
  /[^\0-\x1f'<&]/,
  /[-.:\w\x80-\xff]/,
  /[:A-Z_a-z\x80-\xff]/,
  /[#:\x80-\xff]/,
  /[\t\n\r ]/,
];

/** By octet. NUL stands nowhere, so it ends whatever is being read. */
const CLASSES = /* #__PURE__ */ Uint8Array.from({ length: 256 }, (_, octet) =>
  SETS.reduce((bits, set, n) => bits | (set.test(String.fromCharCode(octet)) ? 1 << n : 0), 0),
);

/** What may come outside of elements. */
const enum Stage {
  /** The root, or the XML declaration first. */
  Start,
  /** The root. */
  Prolog,
  /** No root: it came. */
  Content,
}

const CDATA = '<![CDATA[';
const NEVER = /^(?!)/;

/** An element whose end tag is awaited. */
export interface Open<O> {
  /** Its name as written, prefix included. */
  readonly qname: string;
  /** What it stands in. */
  readonly parent: O | undefined;
}

/**
 * Tokens of XML 1.0 as XMPP has it (RFC 6120 section 11): no DTD, no processing instruction, no comment, and no entity but
 * the predefined five. A fault is thrown as an `XmlFault`; after it the tokenizer must not be used.
 *
 * Text is read as it comes, a tag or reference once it is complete: what the end of a chunk leaves unfinished is kept until
 * its end has come, and faults within it are told then, so that where the chunks were cut makes no difference. Each
 * octet is looked at a fixed number of times, however small the chunks are.
 *
 * What is looked at are the octets, which is several times faster than looking at the characters of a string; the string is
 * for cutting names and texts out of.
 */
export abstract class Tokenizer<O extends Open<O>> {
  /** The innermost element whose end tag is awaited. */
  protected open: O | undefined;
  /** How many elements are open at the top level and within. -1: the root is awaited, or was closed. */
  protected depth: number;
  /** Whether what is told is kept for long, and so not to keep what it was cut from. */
  protected kept = true;
  #chunk = '';
  #octets = NOTHING;
  #i = 0;
  /** A place in the octets, and the same place in the chunk. */
  #octetAt = 0;
  #charAt = 0;
  /** Where the last `<` of the chunk is: whatever tag begins earlier is complete. */
  #last = 0;
  /** What is not complete. */
  #rest = '';
  /** What ends `#rest`. */
  #until: Octet = Octet.None;
  /** Of the text that is being read. */
  #text = '';
  /** At most how many pieces the text, value or rest consists of that is being read. */
  #pieces = 0;
  #cdata = false;
  #stage: Stage;
  /** Whether the last name has a prefix or something beyond ASCII. */
  #unusual = false;

  /** @param root Whether one root holds all, or elements stand side by side. */
  constructor(
    protected readonly limits: XmlLimits,
    root: boolean,
  ) {
    this.depth = root ? -1 : 0;
    this.#stage = root ? Stage.Start : Stage.Prolog;
  }

  /**
   * A start tag. Names are as written, prefix included; references are resolved, lines normalised.
   *
   * @param attributes By name as written, `xmlns` left out; theirs from here on who are told.
   * @param xmlns The default namespace that the tag declares.
   * @param prefixed Whether a name in `attributes` has a prefix, other than in `xml:lang`, which stands for itself.
   * @param count How many attributes and declarations there are.
   * @returns What is open from here on.
   */
  protected abstract startTag(
    qname: string,
    attributes: Attributes | undefined,
    xmlns: string | undefined,
    prefixed: boolean,
    count: number,
  ): O;
  /** The end of what was innermost. */
  protected abstract endTag(ended: O): void;
  /** All character data between two tags, not empty. */
  protected abstract text(text: string): void;
  /** White space between elements at the top level, which is not told as text, was read. */
  protected abstract whitespace(): void;

  /** The octets of the current chunk after the token that is being told. */
  protected get rest(): Uint8Array {
    return this.#octets.subarray(this.#i);
  }

  /** Whether no tag, reference or declaration is unfinished. */
  protected get betweenTokens(): boolean {
    return this.#until === Octet.None;
  }

  /** Reads a chunk: its text, which holds none but characters of XML beyond ASCII, and the same in UTF-8. */
  protected tokenize(text: string, octets: Uint8Array): void {
    if (this.#until !== Octet.None) {
      if (this.#endIn(octets, 0) === 0) {
        this.#rest = this.#joined(this.#rest, text);
        return;
      }
      text = this.#rest + text;
      octets = concat(encode(this.#rest), octets);
      this.#rest = '';
      this.#until = Octet.None;
    }
    this.#chunk = text;
    this.#octets = octets;
    this.#i = this.#octetAt = this.#charAt = 0;
    this.#last = octets.lastIndexOf(Octet.Less);
    while (this.#i < octets.length) {
      if (this.depth > 0) this.#characters();
      else this.#between();
    }
    // An idle stream is not to keep what it has read.
    this.#chunk = '';
    this.#octets = NOTHING;
  }

  /** The text of the octets from `start` to `end`. */
  #cut(start: number, end: number): string {
    const chunk = this.#chunk;
    const text =
      chunk.length === this.#octets.length
        ? chunk.slice(start, end)
        : chunk.slice(this.#charOf(start), this.#charOf(end));
    // Engines make strings of their own of keys.
    return this.kept ? Object.keys({ [text]: 0 })[0]! : text;
  }

  /** Where in the chunk the character of an octet is, counted from the last place that was asked for. */
  #charOf(octetAt: number): number {
    if (octetAt < this.#octetAt) this.#octetAt = this.#charAt = 0;
    let i = this.#octetAt;
    let charAt = this.#charAt;
    for (; i < octetAt; i++) {
      const octet = this.#octets[i]!;
      charAt += octet >> 6 === 2 ? 0 : octet < 0xf0 ? 1 : 2;
    }
    this.#octetAt = i;
    return (this.#charAt = charAt);
  }

  /** Before, directly within and after the root: only white space, which is neither kept nor told. */
  #between(): void {
    const start = this.#i;
    this.#i = spaces(this.#octets, start);
    if (this.#i > start) {
      this.#stage ||= Stage.Prolog;
      if (this.depth === 0) this.whitespace();
    }
    if (this.#i === this.#octets.length) return;
    if (at(this.#octets, this.#i) !== Octet.Less) throw this.#textOutside();
    this.#markup();
  }

  #textOutside(): XmlFault {
    return unexpected(this.#cut(this.#i, this.#octets.length), this.depth === 0 ? 'bad-format' : undefined);
  }

  #characters(): void {
    const octets = this.#octets;
    const start = this.#i;
    const set = this.#cdata ? Class.InCdata : Class.InText;
    let i = start;
    let code: Octet;
    let lineEnds = false;
    for (;;) {
      while (CLASSES[at(octets, i)]! & set) i++;
      code = at(octets, i);
      if (code === Octet.CR) lineEnds = true;
      else if (
        code !== Octet.Greater ||
        (i > start + 1 && at(octets, i - 1) === Octet.Bracket && at(octets, i - 2) === Octet.Bracket)
      )
        break;
      i++;
    }
    const over = i === octets.length;
    let end = code === Octet.Greater ? i - 2 : i;
    // What may be the beginning of `]]>` or of CR LF is looked at again with what follows.
    if (over)
      while (end > start && end > i - 2 && (at(octets, end - 1) === Octet.Bracket || at(octets, end - 1) === Octet.CR))
        end--;
    if (end > start) {
      const text = this.#cut(start, end);
      // Not `replace`, of which V8 makes a tree with a piece for each line end.
      this.#text = this.#joined(this.#text, lineEnds ? text.split(/\r\n?/).join('\n') : text);
    }
    this.#i = end;
    if (over) {
      if (end < i) this.#keep(Octet.Any);
    } else if (code === Octet.Less) this.#markup();
    else if (code === Octet.Amp) {
      const after = referenceEnd(octets, end) + 1;
      if (after > octets.length) this.#keep(Octet.Amp);
      else {
        this.#text = this.#joined(this.#text, referent(this.#cut(end, after)));
        this.#i = after;
      }
    } else {
      // Of what is left, only the `]]>` that ends a CDATA section is no fault.
      if (!this.#cdata || code !== Octet.Greater) throw unexpected(this.#cut(end, i + 1));
      this.#cdata = false;
      this.#i = i + 1;
    }
  }

  /**
   * The engine makes a tree of pieces of what is joined: up to 32 octets for each octet received, if it comes in single ones
   * or is full of references. So the tree is made one string again whenever it may have grown by a sixteenth and then some,
   * which bounds it at a small multiple and keeps the work linear.
   */
  #joined(text: string, more: string): string {
    text += more;
    if (++this.#pieces > 4096 + (text.length >> 4)) this.#flatten(text);
    return text;
  }

  #flatten(text: string): void {
    this.#pieces = 0;
    // A regular expression works on one string only, and leaves it so.
    NEVER.test(text);
  }

  /** `<`: a tag, the beginning of a CDATA section, or what XMPP does not have. */
  #markup(): void {
    const octets = this.#octets;
    const start = this.#i;
    const code = at(octets, start + 1);
    if (code === Octet.Bang) return this.#section();
    if (start + 1 === octets.length) return this.#keep(Octet.Any);
    if (code === Octet.Question && this.#stage !== Stage.Start) throw restricted('<?');
    if (code !== Octet.Slash && code !== Octet.Question && !(CLASSES[code]! & Class.NameStart))
      throw unexpected(this.#cut(start, start + 2));
    this.#until = Octet.Greater;
    if (start === this.#last && this.#endIn(octets, start + 1) === 0) return this.#keep(this.#until);
    this.#until = Octet.None;
    this.#tellText();
    if (code === Octet.Slash) this.#endTag();
    else if (code !== Octet.Question) this.#startTag();
    else {
      // At the very start of a chunk, as nothing may come before it.
      this.#i = declarationLength(this.#chunk);
      this.#stage = Stage.Prolog;
    }
  }

  /** Keeps what the chunk does not complete. */
  #keep(until: Octet): void {
    this.#until = until;
    this.#rest = this.#cut(this.#i, this.#octets.length);
    this.#i = this.#octets.length;
  }

  /** Where the tag or reference ends that goes on at `i`; 0 if it does not. It is malformed if it ends with `<`. */
  #endIn(octets: Uint8Array, i: number): number {
    const { length } = octets;
    if (this.#until === Octet.Any) return length;
    if (this.#until === Octet.Amp) {
      i = referenceEnd(octets, -1);
      return i < length ? i + 1 : 0;
    }
    while (i < length) {
      const code = at(octets, i++);
      if (code === Octet.Less) return i;
      if (this.#until !== Octet.Greater) {
        if (code === this.#until) this.#until = Octet.Greater;
      } else if (code === Octet.Greater) return i;
      else if (code === Octet.Quote || code === Octet.Apostrophe) this.#until = code;
    }
    return 0;
  }

  #section(): void {
    const head = this.#cut(this.#i, this.#i + CDATA.length);
    if (head.length > 2) {
      if (head[2] !== '[') throw restricted('<!');
      if (this.depth <= 0) throw this.#textOutside();
      if (!CDATA.startsWith(head)) throw unexpected(head);
    }
    if (head.length < CDATA.length) this.#keep(Octet.Any);
    else {
      this.#i += CDATA.length;
      this.#cdata = true;
    }
  }

  #endTag(): void {
    // One that is too long is none that is open.
    const name = this.#readName(this.#i + 2, Infinity);
    const end = spaces(this.#octets, this.#i);
    if (name !== this.open?.qname || at(this.#octets, end) !== Octet.Greater) throw unexpected('</');
    this.#i = end + 1;
    this.#leave();
  }

  #leave(): void {
    const ended = this.open!;
    this.open = ended.parent;
    this.depth--;
    this.endTag(ended);
  }

  #startTag(): void {
    const octets = this.#octets;
    if (this.depth < 0 && this.#stage === Stage.Content) throw unexpected('<');
    const name = this.#readName(this.#i + 1);
    let i = this.#i;
    let attributes: Attributes | undefined;
    let xmlns: string | undefined;
    let prefixed = false;
    let count = 0;
    let code: Octet;
    for (;;) {
      const before = i;
      i = spaces(octets, i);
      code = at(octets, i);
      if (code === Octet.Slash || code === Octet.Greater || i === before) break;
      const key = this.#readName(i);
      i = spaces(octets, this.#i);
      if (at(octets, i) !== Octet.Equal) throw unexpected(key);
      i = spaces(octets, i + 1);
      const quote = at(octets, i);
      const set = quote === Octet.Quote ? Class.InQuotes : quote === Octet.Apostrophe ? Class.InApostrophes : 0;
      const start = ++i;
      let unusual = false;
      for (;;) {
        while (CLASSES[at(octets, i)]! & set) i++;
        code = at(octets, i);
        if (set === 0 || (code !== Octet.Amp && !(CLASSES[code]! & Class.Space))) break;
        unusual = true;
        i++;
      }
      let value = this.#cut(start, i);
      if (unusual)
        // XML 1.0 section 3.3.3.
        value = value.replace(/&[-#.:\w\x80-\uffff]*;?|\r\n|[\t\n\r]/g, (found) =>
          found[0] === '&' ? referent(found) : ' ',
        );
      if (set === 0 || code !== quote) throw unexpected(value);
      i++;
      checkLimit('attributes', ++count, this.limits.attributes);
      if (key === 'xmlns') {
        if (xmlns !== undefined) throw unexpected(key);
        xmlns = value;
        continue;
      }
      attributes ??= new Attributes();
      if (attributes[key] !== undefined) throw unexpected(key);
      attributes[key] = value;
      if (this.#unusual && key !== 'xml:lang' && key.includes(':')) prefixed = true;
    }
    const empty = code === Octet.Slash;
    if (empty) i++;
    if (at(octets, i) !== Octet.Greater) throw unexpected(name);
    this.#i = i + 1;
    this.#stage = Stage.Content;
    this.depth++;
    this.open = this.startTag(name, attributes, xmlns, prefixed, count);
    if (empty) this.#leave();
  }

  /** Reads a name, up to `#i`. */
  #readName(start: number, most = this.limits.nameLength): string {
    const octets = this.#octets;
    let i = start;
    let seen = 0;
    let hash = 0;
    let code = at(octets, i);
    if (CLASSES[code]! & Class.NameStart) {
      do {
        seen |= CLASSES[code]!;
        hash = (hash * 189 + code) & (KNOWN - 1);
        code = at(octets, ++i);
      } while (CLASSES[code]! & Class.InName);
    }
    this.#i = i;
    this.#unusual = (seen & Class.Unusual) !== 0;
    const length = i - start;
    let name = knownName(octets, start, length, hash);
    if (name === '') {
      name = this.#cut(start, i);
      if (name === '' || (this.#unusual && !isQName(name))) throw unexpected(name);
      knowName(name, length, hash);
    }
    checkLimit('nameLength', name.length, most);
    return name;
  }

  #tellText(): void {
    const text = this.#text;
    if (text === '') return;
    if (this.#pieces > text.length >> 4) this.#flatten(text);
    this.#text = '';
    this.#pieces = 0;
    this.text(text);
  }
}

/** The octet at `i`; NUL, which may stand nowhere, beyond the end. */
function at(octets: Uint8Array, i: number): Octet {
  return i < octets.length ? octets[i]! : Octet.None;
}

/** Where the white space ends that begins at `i`. */
function spaces(octets: Uint8Array, i: number): number {
  while (CLASSES[at(octets, i)]! & Class.Space) i++;
  return i;
}

/** Where the octet is that ends the reference whose `&` is at `i`. */
function referenceEnd(octets: Uint8Array, i: number): number {
  while (CLASSES[at(octets, ++i)]! & (Class.InName | Class.Unusual));
  return i;
}
