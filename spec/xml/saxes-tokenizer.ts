import { SaxesParser } from 'saxes';
import { Attributes } from '../../lib/xml/attributes.js';
import { isQName } from '../../lib/xml/characters.js';
import { unexpected, XmlFault } from '../../lib/xml/xml-fault.js';
import type { XmlLimits } from '../../lib/xml/xml-limits.js';

interface Tag {
  readonly name: string;
}

/** What it tells, as a `Tokenizer` does. */
export interface TokenHandler {
  startTag(
    name: string,
    attributes: Attributes | undefined,
    xmlns: string | undefined,
    prefixed: boolean,
    count: number,
  ): void;
  endTag(): void;
  text(text: string): void;
  whitespace(): void;
}

/** The part of saxes 6.0.0 that is used, which its own types declare private. */
interface Saxes {
  write(chunk: string): void;
  fail(message: string): unknown;
  chunk: string;
  i: number;
  state: number;
  text: string;
  name: string;
  readonly entity: string;
  closedRoot: boolean;
  readonly tags: Tag[];
  readonly fragmentOpt: boolean;
  readonly forbiddenState: number;
  carriedFromPrevious: string | undefined;
  openWakaBang: string;
  xmlDeclPossible: boolean;
  isName(name: string): boolean;
  captureNameChars(): number;
  openTagHandler: (tag: Tag) => void;
  closeTagHandler: (tag: Tag) => void;
  textHandler: (text: string) => void;
  cdataHandler: (text: string) => void;
  xmldeclHandler: (declaration: { encoding: string | undefined }) => void;
  parseEntity(entity: string): string;
  closeTag(): void;
  sText(): void;
  handleTextInRoot(): void;
  sOpenWaka(): void;
  sOpenWakaBang(): void;
  sPIFirstChar(): void;
  sPIRest(): void;
  pushAttribPlain(name: string, value: string): void;
  processAttribsPlain(): void;
}

const Base = SaxesParser as unknown as new (options: object) => Saxes;

// saxes' states, by their numbers in 6.0.0.
const S_TEXT = 13;
const S_OPEN_WAKA = 15;
const S_PI_BODY = 25;
const S_PI_ENDING = 26;
const S_CLOSE_TAG = 43;
const EOC = -1;

const TAB = 0x09;
const NL = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const LESS = 0x3c;
const OPEN_BRACKET = 0x5b;

/**
 * What the tokenizer is compared with: saxes, with the rules of RFC 6120 section 11. The first fault is thrown as an
 * `XmlFault` at once, and DTDs, processing instructions, comments and entities are faults as soon as they begin.
 */
export class SaxesTokenizer extends Base {
  readonly limits: XmlLimits;
  // The start tag that is being read.
  #attributes: Attributes | undefined;
  #count = 0;
  #xmlns: string | undefined;
  #prefixed = false;

  constructor(
    readonly handler: TokenHandler,
    limits: XmlLimits,
    fragment: boolean,
  ) {
    // Namespaces are resolved by the tree builder: saxes takes time quadratic in depth for it. XML 1.0 it is, whatever
    // the declaration says (XML 1.0, fifth edition, section 2.8).
    super({ xmlns: false, position: false, fragment, defaultXMLVersion: '1.0', forceXMLVersion: true });
    this.limits = limits;
    this.openTagHandler = (tag) => {
      const attributes = this.#attributes;
      const xmlns = this.#xmlns;
      const prefixed = this.#prefixed;
      this.#attributes = this.#xmlns = undefined;
      const count = this.#count;
      this.#prefixed = false;
      this.#count = 0;
      handler.startTag(tag.name, attributes, xmlns, prefixed, count);
    };
    this.closeTagHandler = () => handler.endTag();
    this.textHandler = (text) => handler.text(text);
    this.cdataHandler = (text) => {
      if (text !== '') handler.text(text);
    };
    this.xmldeclHandler = ({ encoding }) => {
      if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') {
        throw unexpected(encoding, 'unsupported-encoding');
      }
    };
  }

  /** Names are checked where they end, and must be qualified names. */
  override captureNameChars(): number {
    const next = super.captureNameChars();
    if (next === EOC || this.state === S_CLOSE_TAG) return next;
    if (this.name !== '' && !isQName(this.name)) this.fail('malformed name');
    if (this.name.length > this.limits.nameLength) throw tooLong();
    return next;
  }

  override fail(message: string): never {
    throw new XmlFault('not-well-formed', message.length > 200 ? `${message.slice(0, 200)}...` : message);
  }

  /** Between elements at the top level only white space may be; it is neither kept nor told. */
  override sText(): void {
    if (!this.#atTop) {
      super.sText();
      return;
    }
    const { chunk, i: start } = this;
    let i = start;
    let code = SPACE;
    while (i < chunk.length && (code === SPACE || code === NL || code === CR || code === TAB)) {
      code = chunk.charCodeAt(i++);
    }
    if (code === LESS) i--;
    else if (code !== SPACE && code !== NL && code !== CR && code !== TAB) throw textAtTop();
    this.i = i;
    if (i > start) this.handler.whitespace();
    if (code === LESS) {
      this.i++;
      this.state = S_OPEN_WAKA;
    }
  }

  /** The innermost open element is the one whose children are the top level. */
  get #atTop(): boolean {
    return this.tags.length === (this.fragmentOpt ? 0 : 1);
  }

  override parseEntity(entity: string): string {
    if (!entity.startsWith('#') && !PREDEFINED.has(entity) && this.isName(entity)) {
      throw unexpected(entity, 'restricted-xml');
    }
    return super.parseEntity(entity);
  }

  override sOpenWakaBang(): void {
    // `<!` begins a CDATA section, a comment, or a declaration that only a DTD can hold.
    if (this.openWakaBang === '') {
      if (this.chunk.charCodeAt(this.i) !== OPEN_BRACKET) {
        throw new XmlFault('restricted-xml', 'a comment or document type declaration');
      }
      if (this.#atTop) throw textAtTop();
    }
    super.sOpenWakaBang();
  }

  override sPIFirstChar(): void {
    // Only the XML declaration, only at the very start.
    if (!this.xmlDeclPossible) throw new XmlFault('restricted-xml', 'a processing instruction');
    super.sPIFirstChar();
  }

  override sPIRest(): void {
    super.sPIRest();
    if (this.state === S_PI_BODY || this.state === S_PI_ENDING) {
      throw new XmlFault('restricted-xml', 'a processing instruction');
    }
  }

  // Attributes go where they belong at once, instead of through a list of objects.
  override pushAttribPlain(name: string, value: string): void {
    if (++this.#count > this.limits.attributes) throw new XmlFault('policy-violation', 'too many attributes');
    if (name === 'xmlns') {
      if (this.#xmlns !== undefined) this.fail('duplicate attribute: xmlns');
      this.#xmlns = value;
      return;
    }
    const attributes = (this.#attributes ??= new Attributes());
    if (attributes[name] !== undefined) this.fail(`duplicate attribute: ${name}`);
    if (name.includes(':') && name !== 'xml:lang') this.#prefixed = true;
    attributes[name] = value;
  }

  override processAttribsPlain(): void {}

  // saxes reports the end of the element first and finds the wrong name then.
  override closeTag(): void {
    const { tags, name } = this;
    const tag = tags.pop();
    if (tag === undefined || tag.name !== name) this.fail(`unexpected end tag: ${name}`);
    if (tags.length === 0) this.closedRoot = true;
    this.state = S_TEXT;
    this.name = '';
    this.closeTagHandler(tag!);
  }
}

const PREDEFINED = new Set(['amp', 'lt', 'gt', 'quot', 'apos']);

function textAtTop(): XmlFault {
  return new XmlFault('bad-format', 'text outside of any stanza');
}

function tooLong(): XmlFault {
  return new XmlFault('policy-violation', 'a name is too long');
}
