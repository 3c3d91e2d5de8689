import { Attributes } from './attributes.js';
import { ILLEGAL, isName, isQName } from './names.js';
import { checkLimit, malformed, XmlFault } from './xml-fault.js';
import type { XmlLimits } from './xml-limits.js';

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

const NL = 0x0a;
const CR = 0x0d;
const BANG = 0x21;
const QUOTE = 0x22;
const HASH = 0x23;
const AMP = 0x26;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const LESS = 0x3c;
const EQUAL = 0x3d;
const GREATER = 0x3e;
const QUESTION = 0x3f;
const BRACKET = 0x5d;

// Where a character stands for itself.
const IN_TEXT = 1;
const IN_CDATA = 2;
const IN_QUOTES = 4;
const IN_APOSTROPHES = 8;
const IN_NAME = 16;
const NAME_START = 32;
/** A name with it must be looked at more closely. */
const UNUSUAL = 64;
const SPACE = 128;
const SETS = [
  /[\t\n -%'-;=?-\x7f]/,
  /[\t\n -=?-\x7f]/,
  /[ !#-%'-;=-\x7f]/,
  /[ -%(-;=-\x7f]/,
  /[-.:\w]/,
  /[:A-Z_a-z]/,
  /:/,
  /[\t\n\r ]/,
];

/** By octet as `octetsOf` has them. NUL stands nowhere, so it ends whatever is being read. */
const CLASS = /* #__PURE__ */ Uint8Array.from({ length: 129 }, (_, code) =>
  SETS.reduce((bits, set, n) => bits | (code > 127 ? ~SPACE : set.test(String.fromCharCode(code)) ? 1 << n : 0), 0),
);

/** What the end of a chunk can leave unfinished. */
const enum Rest {
  None,
  Reference,
  Tag,
  /** So short that what it is must be seen again. */
  Any,
}

const CDATA = '<![CDATA[';
/** XML 1.0 section 2.8. */
const DECLARATION = new RegExp(
  `<\\?xml_+version~(['"])1\\.\\d+\\1(?:_+encoding~(['"])([A-Za-z][-.\\w]*)\\2)?(?:_+standalone~(['"])(?:yes|no)\\4)?_*\\?>`
    .replace(/~/g, '_*=_*')
    .replace(/_/g, '[\\t\\n\\r ]'),
  'y',
);
const PREDEFINED = new Map([
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
]);
/**
 * Strings of up to this length are copies of their own; longer ones would keep the text alive that they were cut from, and are
 * not kept here.
 */
const SHORT = 15;
/** The names that came last, by a hash, so that most names need neither a string nor a check, and are keys that the engine knows. */
const NAMES: string[] = /* #__PURE__ */ new Array(512).fill('');
/** Their octets, with NUL after them. */
const NAME_OCTETS = /* #__PURE__ */ new Uint8Array(512 << 4);
const NOTHING = /^(?!)/;
const ENCODER = /* #__PURE__ */ new TextEncoder();

/**
 * Tokens of XML 1.0 as XMPP has it (RFC 6120 section 11): no DTD, no processing instruction, no comment, and no entity but
 * the predefined five. A fault is thrown as an `XmlFault`; after it the tokenizer must not be used.
 *
 * Text is read as it comes, a tag or reference once it is complete: what the end of a chunk leaves unfinished is kept until
 * its end has come, and faults within it are told then, so that where the chunks were cut makes no difference. Each
 * character is looked at a fixed number of times, however small the chunks are.
 */
export class Tokenizer {
  readonly #handler: TokenHandler;
  readonly #limits: XmlLimits;
  /** How many elements are open at the top level. */
  readonly #top: number;
  /** The names of what is open. */
  readonly #open: string[] = [];
  #chunk = '';
  /** The chunk's characters, an octet each: looking at them is several times faster than at those of a string. */
  #octets = new Uint8Array(0) as Uint8Array;
  #i = 0;
  /** Where the last `<` of the chunk is: whatever tag begins earlier is complete. */
  #last = 0;
  /** What follows the current chunk. */
  #next = '';
  /** What is not complete. */
  #rest = '';
  #kind = Rest.None;
  /** The quotation mark that `#rest` must go on to, if it is a tag. */
  #quote = 0;
  /** Of the text that is being read. */
  #text = '';
  /** At most how many pieces the text, value or rest consists of that is being read. */
  #pieces = 0;
  #cdata = false;
  /** Whether an XML declaration may come. */
  #atStart: boolean;
  #sawRoot = false;
  /** Whether the last name has a prefix or something beyond ASCII. */
  #unusual = false;

  /** @param fragment Whether elements stand side by side, and not within one root. */
  constructor(handler: TokenHandler, limits: XmlLimits, fragment: boolean) {
    this.#handler = handler;
    this.#limits = limits;
    this.#top = fragment ? 0 : 1;
    this.#atStart = !fragment;
  }

  /** Characters of the current chunk after the token that is being told. */
  get remaining(): number {
    return this.rest.length;
  }

  /** The characters that `remaining` counts. */
  get rest(): string {
    return this.#chunk.slice(this.#i) + this.#next;
  }

  /** Whether no tag, reference or declaration is unfinished. */
  get betweenTokens(): boolean {
    return this.#kind === Rest.None;
  }

  /**
   * Reads a chunk, which must hold whole characters.
   *
   * @param octets What `octetsOf` makes of it: the octets of the chunk itself, if they all are ASCII.
   */
  write(chunk: string, octets: Uint8Array = octetsOf(chunk)): void {
    let start = 0;
    if (this.#kind !== Rest.None) {
      start = this.#endIn(octets, 0, this.#kind);
      if (start === 0) {
        this.#rest = this.#joined(this.#rest, chunk);
        return;
      }
      const whole = this.#rest + chunk.slice(0, start);
      this.#rest = '';
      this.#kind = Rest.None;
      this.#next = chunk.slice(start);
      this.#read(whole, octetsOf(whole), 0);
      this.#next = '';
    }
    this.#read(chunk, octets, start);
  }

  #read(chunk: string, octets: Uint8Array, start: number): void {
    this.#chunk = chunk;
    this.#octets = octets;
    this.#i = start;
    this.#last = octets.lastIndexOf(LESS);
    while (this.#i < chunk.length) {
      if (this.#open.length > this.#top) this.#characters();
      else this.#between();
    }
  }

  /** Before, directly within and after the root: only white space, which is neither kept nor told. */
  #between(): void {
    const start = this.#i;
    this.#i = spaces(this.#octets, start);
    if (this.#i > start) {
      this.#atStart = false;
      if (this.#open.length === this.#top) this.#handler.whitespace();
    }
    if (this.#i === this.#chunk.length) return;
    if (this.#octets[this.#i] !== LESS) throw this.#textOutside();
    this.#markup();
  }

  #textOutside(): XmlFault {
    return new XmlFault(
      this.#open.length === this.#top ? 'bad-format' : 'not-well-formed',
      'text outside of any stanza',
    );
  }

  #characters(): void {
    const octets = this.#octets;
    const start = this.#i;
    const set = this.#cdata ? IN_CDATA : IN_TEXT;
    let i = start;
    let end: number;
    let code: number;
    let lineEnds = false;
    for (;;) {
      while (CLASS[at(octets, i)]! & set) i++;
      end = i;
      code = at(octets, i);
      if (code === CR) lineEnds = true;
      else if (code !== GREATER) break;
      else if (i > start + 1 && octets[i - 1] === BRACKET && octets[i - 2] === BRACKET) {
        if (!this.#cdata) throw malformed(']]>');
        this.#cdata = false;
        end = i - 2;
        break;
      }
      i++;
    }
    // What may be the beginning of `]]>` or of CR LF is looked at again with what follows.
    if (i === octets.length)
      while (end > start && end > i - 2 && (octets[end - 1] === BRACKET || octets[end - 1] === CR)) end--;
    if (end > start) {
      const text = this.#chunk.slice(start, end);
      this.#text = this.#joined(this.#text, lineEnds ? text.replace(/\r\n?/g, '\n') : text);
    }
    this.#i = end;
    if (i === octets.length) {
      if (end < i) this.#keep(Rest.Any);
    } else if (code === LESS) this.#markup();
    else if (code === AMP) this.#reference();
    else if (code === GREATER) this.#i = i + 1;
    else throw malformed(this.#chunk[i]!);
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
    NOTHING.test(text);
  }

  /** `&`: a character or one of the predefined entities. */
  #reference(): void {
    const end = referenceEnd(this.#octets, this.#i);
    if (end > this.#chunk.length) this.#keep(end === this.#i + 2 ? Rest.Any : Rest.Reference);
    else {
      this.#text = this.#joined(this.#text, resolved(this.#chunk.slice(this.#i, end)));
      this.#i = end;
    }
  }

  /** `<`: a tag, the beginning of a CDATA section, or what XMPP does not have. */
  #markup(): void {
    const chunk = this.#chunk;
    const start = this.#i;
    const code = at(this.#octets, start + 1);
    if (code === BANG) this.#section();
    else if (start + 1 === chunk.length) this.#keep(Rest.Any);
    else if (code === QUESTION && !this.#atStart) throw restricted();
    else if (code !== SLASH && code !== QUESTION && !(CLASS[code]! & NAME_START)) throw malformed(chunk[start + 1]!);
    else {
      this.#quote = 0;
      if (start === this.#last && this.#endIn(this.#octets, start + 1, Rest.Tag) === 0) this.#keep(Rest.Tag);
      else if (code === QUESTION) this.#declaration();
      else {
        this.#tellText();
        if (code === SLASH) this.#endTag();
        else this.#startTag();
      }
    }
  }

  /** Keeps what the chunk does not complete. */
  #keep(kind: Rest): void {
    this.#kind = kind;
    this.#rest = this.#chunk.slice(this.#i);
    this.#i = this.#chunk.length;
  }

  /** Where the tag or reference ends that goes on at `i`; 0 if it does not. It is malformed if it ends with `<`. */
  #endIn(octets: Uint8Array, i: number, kind: Rest): number {
    if (kind === Rest.Any) return octets.length;
    while (i < octets.length) {
      const code = octets[i++]!;
      if (kind === Rest.Reference) {
        if (!(CLASS[code]! & IN_NAME)) return i;
      } else if (code === LESS) return i;
      else if (this.#quote !== 0) {
        if (code === this.#quote) this.#quote = 0;
      } else if (code === GREATER) return i;
      else if (code === QUOTE || code === APOSTROPHE) this.#quote = code;
    }
    return 0;
  }

  #section(): void {
    const head = this.#chunk.slice(this.#i, this.#i + CDATA.length);
    if (head.length > 2) {
      if (head[2] !== '[') throw restricted();
      if (this.#open.length <= this.#top) throw this.#textOutside();
      if (!CDATA.startsWith(head)) throw malformed(head);
    }
    if (head.length < CDATA.length) this.#keep(Rest.Any);
    else {
      this.#i += CDATA.length;
      this.#cdata = true;
    }
  }

  #declaration(): void {
    const chunk = this.#chunk;
    DECLARATION.lastIndex = this.#i;
    const match = DECLARATION.exec(chunk);
    if (!match) {
      const target = chunk.slice(this.#i + 2).split(/[\t\n\r ?]/, 1)[0]!;
      throw target === 'xml' || !isName(target) ? malformed('<?') : restricted();
    }
    const encoding = match[3] ?? 'utf-8';
    if (encoding.toLowerCase() !== 'utf-8') throw new XmlFault('unsupported-encoding', encoding);
    this.#i = DECLARATION.lastIndex;
    this.#atStart = false;
  }

  #endTag(): void {
    const name = this.#readName(this.#i + 2);
    const end = spaces(this.#octets, this.#i);
    if (name !== this.#open.pop() || at(this.#octets, end) !== GREATER) throw malformed('</');
    this.#i = end + 1;
    this.#handler.endTag();
  }

  #startTag(): void {
    const chunk = this.#chunk;
    const octets = this.#octets;
    if (this.#open.length < this.#top && this.#sawRoot) throw malformed('<');
    let start = this.#i + 1;
    const name = this.#limitedName(start);
    let i = this.#i;
    let attributes: Attributes | undefined;
    let xmlns: string | undefined;
    let prefixed = false;
    let count = 0;
    let code: number;
    for (;;) {
      start = i;
      i = spaces(octets, i);
      code = at(octets, i);
      if (code === SLASH || code === GREATER || i === start) break;
      start = i;
      const key = this.#limitedName(i);
      i = spaces(octets, this.#i);
      if (at(octets, i) !== EQUAL) throw malformed(key);
      i = spaces(octets, i + 1);
      const quote = at(octets, i);
      const set = quote === QUOTE ? IN_QUOTES : quote === APOSTROPHE ? IN_APOSTROPHES : 0;
      start = ++i;
      while (CLASS[at(octets, i)]! & set) i++;
      let value = chunk.slice(start, i);
      if (at(octets, i) !== quote) {
        value = this.#unusualValue(value, i, set);
        i = this.#i;
      }
      if (set === 0 || at(octets, i++) !== quote) throw malformed(value);
      checkLimit(++count, this.#limits.attributes, 'attributes');
      if (key === 'xmlns') {
        if (xmlns !== undefined) throw malformed(key);
        xmlns = value;
        continue;
      }
      attributes ??= new Attributes();
      if (attributes[key] !== undefined) throw malformed(key);
      attributes[key] = value;
      if (this.#unusual && key !== 'xml:lang' && key.includes(':')) prefixed = true;
    }
    const empty = code === SLASH;
    if (empty) i++;
    if (at(octets, i) !== GREATER) throw malformed(name);
    this.#i = i + 1;
    this.#atStart = false;
    this.#sawRoot = true;
    this.#handler.startTag(name, attributes, xmlns, prefixed, count);
    if (empty) this.#handler.endTag();
    else this.#open.push(name);
  }

  /** The rest of a value with references or white space other than blanks (XML 1.0 section 3.3.3). */
  #unusualValue(value: string, i: number, set: number): string {
    const octets = this.#octets;
    this.#pieces = 0;
    for (;;) {
      const code = at(octets, i);
      let start = i;
      if (code === AMP) value = this.#joined(value, resolved(this.#chunk.slice(start, (i = referenceEnd(octets, i)))));
      else if (CLASS[code]! & SPACE) {
        i += code === CR && at(octets, i + 1) === NL ? 2 : 1;
        value += ' ';
      } else break;
      start = i;
      while (CLASS[at(octets, i)]! & set) i++;
      if (i > start) value = this.#joined(value, this.#chunk.slice(start, i));
    }
    this.#i = i;
    this.#flatten(value);
    return value;
  }

  #limitedName(start: number): string {
    const name = this.#readName(start);
    checkLimit(name.length, this.#limits.nameLength, 'characters in a name');
    return name;
  }

  /** Reads a name, up to `#i`. */
  #readName(start: number): string {
    const octets = this.#octets;
    let i = start;
    let seen = 0;
    let hash = 0;
    let code = at(octets, i);
    if (CLASS[code]! & NAME_START) {
      do {
        seen |= CLASS[code]!;
        hash = (hash * 189 + code) & 511;
        code = at(octets, ++i);
      } while (CLASS[code]! & IN_NAME);
    }
    this.#i = i;
    this.#unusual = (seen & UNUSUAL) !== 0;
    const length = i - start;
    const known = hash << 4;
    if (length <= SHORT) {
      let same = 0;
      while (same < length && NAME_OCTETS[known + same] === octets[start + same]) same++;
      if (same === length && same > 0 && NAME_OCTETS[known + same] === 0) return NAMES[hash]!;
    }
    const name = this.#chunk.slice(start, i);
    if (name === '' || (this.#unusual && !isQName(name))) throw malformed(name);
    if (length <= SHORT && !/[^\0-\x7f]/.test(name)) {
      NAMES[hash] = name;
      NAME_OCTETS.fill(0, known, known + 16);
      NAME_OCTETS.set(octets.subarray(start, i), known);
    }
    return name;
  }

  #tellText(): void {
    const text = this.#text;
    if (text === '') return;
    if (this.#pieces > text.length >> 4) this.#flatten(text);
    this.#text = '';
    this.#pieces = 0;
    this.#handler.text(text);
  }
}

/** The octet at `i`; NUL, which may stand nowhere, beyond the end. */
function at(octets: Uint8Array, i: number): number {
  return i < octets.length ? octets[i]! : 0;
}

/** Where the white space ends that begins at `i`. */
function spaces(octets: Uint8Array, i: number): number {
  while (CLASS[at(octets, i)]! & SPACE) i++;
  return i;
}

/** After the character that ends the reference that begins at `i`. */
function referenceEnd(octets: Uint8Array, i: number): number {
  i++;
  if (at(octets, i) === HASH) i++;
  while (CLASS[at(octets, i)]! & IN_NAME) i++;
  return i + 1;
}

/** An octet for each UTF-16 code unit: ASCII as it is, NUL for what XML does not allow, 128 for all others. */
function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  // Several times faster than the loop; with characters beyond ASCII the room does not suffice.
  if (ENCODER.encodeInto(text, octets).read === text.length) return octets;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    octets[i] = code < 128 ? code : code < 0xfffe ? 128 : 0;
  }
  return octets;
}

/** What a reference stands for. */
function resolved(reference: string): string {
  let char = PREDEFINED.get(reference);
  if (char !== undefined) return char;
  const name = reference.slice(1, -1);
  if (/^&#(x[\da-fA-F]+|\d+);$/.test(reference)) {
    const code = Number(`0${name.slice(1)}`);
    if (code <= 0x10ffff && !ILLEGAL.test((char = String.fromCodePoint(code)))) return char;
  } else if (reference.endsWith(';') && isName(name)) throw restricted();
  throw malformed(reference);
}

function restricted(): XmlFault {
  return new XmlFault('restricted-xml', 'a comment, DTD, processing instruction or entity');
}
