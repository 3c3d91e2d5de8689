import { Attributes } from './attributes.js';
import { ILLEGAL, isName, isQName } from './names.js';
import { excerpt, XmlFault } from './xml-fault.js';
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
const CLOSE_BRACKET = 0x5d;

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
  /[\t\n -%'-;=?-\\^-\x7f]/,
  /[\t\n -=?-\\^-\x7f]/,
  /[ !#-%'-;=-\x7f]/,
  /[ -%(-;=-\x7f]/,
  /[-.:\w]/,
  /[:A-Z_a-z]/,
  /:/,
  /[\t\n\r ]/,
];

/** By UTF-16 code unit. NUL stands nowhere, so it ends whatever is being read: and it is what `at` gives beyond the end. */
const CLASS = /* #__PURE__ */ classes();

function classes(): Uint8Array {
  const table = new Uint8Array(0x10000).fill(
    IN_TEXT | IN_CDATA | IN_QUOTES | IN_APOSTROPHES | IN_NAME | NAME_START | UNUSUAL,
  );
  for (let code = 0; code < 128; code++) {
    table[code] = SETS.reduce((bits, set, n) => bits | (set.test(String.fromCharCode(code)) ? 1 << n : 0), 0);
  }
  table[0xfffe] = table[0xffff] = 0;
  return table;
}

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
const NOTHING = /^(?!)/;

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
  #i = 0;
  /** What follows the current chunk. */
  #next = '';
  /** What is not complete. */
  #rest = '';
  #kind = Rest.None;
  /** The quotation mark that `#rest` must go on to, if it is a tag. */
  #quote = 0;
  /** Of the text that is being read. */
  #text = '';
  /** At most how many pieces `#text` or `#rest` consists of. */
  #pieces = 0;
  /** Closing brackets that are not in `#text` yet, as they may be of `]]>`. */
  #brackets = 0;
  #cdata = false;
  #afterCr = false;
  /** Whether an XML declaration may come. */
  #atStart: boolean;
  #sawRoot = false;
  // The start tag that is being read.
  #name = '';
  #attributes: Attributes | undefined;
  #xmlns: string | undefined;
  #prefixed = false;
  #count = 0;
  #empty = false;
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

  /** Reads a chunk, which must hold whole characters. */
  write(chunk: string): void {
    let start = 0;
    if (this.#kind !== Rest.None) {
      start = this.#endIn(chunk, 0, this.#kind);
      if (start === 0) {
        this.#rest = this.#joined(this.#rest, chunk);
        return;
      }
      const whole = this.#rest + chunk.slice(0, start);
      this.#rest = '';
      this.#kind = Rest.None;
      this.#next = chunk.slice(start);
      this.#read(whole, 0);
      this.#next = '';
    }
    this.#read(chunk, start);
  }

  #read(chunk: string, start: number): void {
    this.#chunk = chunk;
    this.#i = start;
    while (this.#i < chunk.length) {
      if (this.#open.length > this.#top) this.#characters(this.#cdata ? IN_CDATA : IN_TEXT);
      else this.#between();
    }
  }

  /** Before, directly within and after the root: only white space, which is neither kept nor told. */
  #between(): void {
    const start = this.#i;
    this.#i = spaces(this.#chunk, start);
    if (this.#i > start) {
      this.#atStart = false;
      if (this.#open.length === this.#top) this.#handler.whitespace();
    }
    if (this.#i === this.#chunk.length) return;
    if (at(this.#chunk, this.#i) !== LESS) throw this.#textOutside();
    this.#markup();
  }

  #textOutside(): XmlFault {
    return new XmlFault(
      this.#open.length === this.#top ? 'bad-format' : 'not-well-formed',
      'text outside of any stanza',
    );
  }

  #characters(set: number): void {
    const chunk = this.#chunk;
    let i = this.#i;
    if (this.#afterCr && at(chunk, i) === NL) i++;
    this.#afterCr = false;
    const start = i;
    while (CLASS[at(chunk, i)]! & set) i++;
    this.#i = i;
    if (i > start) this.#add(chunk.slice(start, i));
    if (i === chunk.length) return;
    const code = at(chunk, i);
    if (code === LESS) {
      this.#add('');
      this.#markup();
    } else if (code === AMP) {
      this.#add('');
      this.#reference();
    } else {
      this.#i++;
      if (code === CLOSE_BRACKET) this.#brackets++;
      else if (code === GREATER) this.#greater();
      else if (code === CR) {
        this.#add('\n');
        this.#afterCr = true;
      } else throw malformed(chunk[i]!);
    }
  }

  #greater(): void {
    if (this.#brackets < 2) this.#add('>');
    else if (this.#cdata) {
      this.#brackets -= 2;
      this.#add('');
      this.#cdata = false;
    } else throw malformed(']]>');
  }

  #add(text: string): void {
    if (this.#brackets > 0) {
      text = ']'.repeat(this.#brackets) + text;
      this.#brackets = 0;
    }
    if (text !== '') this.#text = this.#joined(this.#text, text);
  }

  /**
   * The engine makes a tree of pieces of what is joined: up to 32 octets for each octet received, if it comes in single ones
   * or is full of line ends or references. So the tree is made one string again whenever it may have grown by a sixteenth and
   * then some, which bounds it at a small multiple and keeps the work linear.
   */
  #joined(text: string, more: string): string {
    text += more;
    if (++this.#pieces > 4096 + (text.length >> 4)) {
      this.#pieces = 0;
      // A regular expression works on one string only, and leaves it so.
      NOTHING.test(text);
    }
    return text;
  }

  /** `&`: a character or one of the predefined entities. */
  #reference(): void {
    const chunk = this.#chunk;
    const start = this.#i;
    let i = start + 1;
    if (at(chunk, i) === HASH) i++;
    while (CLASS[at(chunk, i)]! & IN_NAME) i++;
    if (i === chunk.length) {
      this.#keep(i === start + 1 ? Rest.Any : Rest.Reference);
      return;
    }
    this.#i = i + 1;
    this.#add(resolved(chunk.slice(start, i + 1)));
  }

  /** `<`: a tag, the beginning of a CDATA section, or what XMPP does not have. */
  #markup(): void {
    const chunk = this.#chunk;
    const start = this.#i;
    const code = at(chunk, start + 1);
    if (code === BANG) this.#section();
    else if (start + 1 === chunk.length) this.#keep(Rest.Any);
    else if (code === QUESTION && !this.#atStart) throw restricted();
    else if (code !== SLASH && code !== QUESTION && !(CLASS[code]! & NAME_START)) throw malformed(chunk[start + 1]!);
    else {
      try {
        if (code === SLASH) this.#readEndTag();
        else if (code === QUESTION) this.#readDeclaration();
        else this.#readStartTag();
      } catch (fault) {
        this.#quote = 0;
        if (this.#endIn(chunk, start + 1, Rest.Tag) > 0) throw fault;
        this.#i = start;
        this.#keep(Rest.Tag);
        return;
      }
      if (code === SLASH) this.#endTag();
      else if (code !== QUESTION) this.#startTag();
    }
  }

  /** Keeps what the chunk does not complete. */
  #keep(kind: Rest): void {
    this.#kind = kind;
    this.#rest = this.#chunk.slice(this.#i);
    this.#i = this.#chunk.length;
  }

  /** Where the tag or reference ends that goes on at `i`; 0 if it does not. It is malformed if it ends with `<`. */
  #endIn(chunk: string, i: number, kind: Rest): number {
    if (kind === Rest.Any) return chunk.length;
    while (i < chunk.length) {
      const code = chunk.charCodeAt(i++);
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

  #readDeclaration(): void {
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

  #readEndTag(): void {
    const chunk = this.#chunk;
    const name = this.#open.at(-1);
    if (name === undefined || !chunk.startsWith(name, this.#i + 2)) throw malformed('</');
    const i = spaces(chunk, this.#i + 2 + name.length);
    if (at(chunk, i) !== GREATER) throw malformed('</');
    this.#i = i + 1;
  }

  #endTag(): void {
    this.#tellText();
    this.#open.pop();
    this.#handler.endTag();
  }

  #readStartTag(): void {
    const chunk = this.#chunk;
    if (this.#open.length < this.#top && this.#sawRoot) throw malformed('<');
    let start = this.#i + 1;
    let i = this.#nameEnd(start);
    const name = this.#checked(chunk.slice(start, i));
    let attributes: Attributes | undefined;
    let xmlns: string | undefined;
    let prefixed = false;
    let count = 0;
    let code: number;
    for (;;) {
      start = i;
      i = spaces(chunk, i);
      code = at(chunk, i);
      if (code === SLASH || code === GREATER || i === start) break;
      start = i;
      i = this.#nameEnd(i);
      const key = this.#checked(chunk.slice(start, i));
      i = spaces(chunk, i);
      if (at(chunk, i) !== EQUAL) throw malformed(key);
      i = spaces(chunk, i + 1);
      const quote = at(chunk, i);
      const set = quote === QUOTE ? IN_QUOTES : quote === APOSTROPHE ? IN_APOSTROPHES : 0;
      start = ++i;
      let plain = true;
      for (;;) {
        while (CLASS[(code = at(chunk, i))]! & set) i++;
        if (code !== AMP && !(CLASS[code]! & SPACE)) break;
        plain = false;
        i++;
      }
      let value = chunk.slice(start, i++);
      if (!plain) value = normalized(value);
      if (code !== quote || set === 0) throw malformed(value);
      if (++count > this.#limits.attributes) throw new XmlFault('policy-violation', 'too many attributes');
      if (key === 'xmlns') {
        if (xmlns !== undefined) throw duplicate(key);
        xmlns = value;
        continue;
      }
      attributes ??= new Attributes();
      if (attributes[key] !== undefined) throw duplicate(key);
      attributes[key] = value;
      if (this.#unusual && key !== 'xml:lang' && key.includes(':')) prefixed = true;
    }
    this.#empty = code === SLASH;
    if (this.#empty) i++;
    if (at(chunk, i) !== GREATER) throw malformed(name);
    this.#i = i + 1;
    this.#name = name;
    this.#attributes = attributes;
    this.#xmlns = xmlns;
    this.#prefixed = prefixed;
    this.#count = count;
  }

  #nameEnd(i: number): number {
    const chunk = this.#chunk;
    let seen = 0;
    let kind = CLASS[at(chunk, i)]!;
    if (kind & NAME_START) {
      do {
        seen |= kind;
        kind = CLASS[at(chunk, ++i)]!;
      } while (kind & IN_NAME);
    }
    this.#unusual = (seen & UNUSUAL) !== 0;
    return i;
  }

  #checked(name: string): string {
    if (name === '' || (this.#unusual && !isQName(name))) throw malformed(name);
    if (name.length > this.#limits.nameLength) throw new XmlFault('policy-violation', 'a name is too long');
    return name;
  }

  #startTag(): void {
    this.#atStart = false;
    this.#sawRoot = true;
    this.#tellText();
    const attributes = this.#attributes;
    this.#attributes = undefined;
    this.#handler.startTag(this.#name, attributes, this.#xmlns, this.#prefixed, this.#count);
    if (this.#empty) this.#handler.endTag();
    else this.#open.push(this.#name);
  }

  #tellText(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#pieces = 0;
    this.#handler.text(text);
  }
}

/** The code unit at `i`; NUL, which may stand nowhere, beyond the end. */
function at(text: string, i: number): number {
  return i < text.length ? text.charCodeAt(i) : 0;
}

/** Where the white space ends that begins at `i`. */
function spaces(text: string, i: number): number {
  while (CLASS[at(text, i)]! & SPACE) i++;
  return i;
}

/** An attribute's value as it stands in `text` (XML 1.0 section 3.3.3). */
function normalized(text: string): string {
  return text.replace(/\r\n?|[\t\n]/g, ' ').replace(/&[^;]*;?/g, resolved);
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

function malformed(what: string): XmlFault {
  return new XmlFault('not-well-formed', `unexpected ${excerpt(what)}`);
}

function duplicate(name: string): XmlFault {
  return new XmlFault('not-well-formed', `duplicate attribute: ${excerpt(name)}`);
}

function restricted(): XmlFault {
  return new XmlFault('restricted-xml', 'a comment, DTD, processing instruction or entity');
}
