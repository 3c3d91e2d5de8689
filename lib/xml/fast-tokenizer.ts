import { Attributes } from './attributes.js';
import { S_OPEN_WAKA, S_TEXT, Tokenizer } from './saxes.js';

const LESS = 0x3c;
const GREATER = 0x3e;
const SLASH = 0x2f;
const EQUAL = 0x3d;
const SPACE = 0x20;
const COLON = 0x3a;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;

// What the fast paths take of ASCII; all else is left to saxes.
const IN_TEXT = 1;
const IN_VALUE = 2;
const NAME_START = 4;
const IN_NAME = 8;
const CLASS = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  CLASS[code] =
    (/[\t\n -%'-;=-\\^-\x7f]/.test(char) ? IN_TEXT : 0) |
    (/[ !#-%(-;=-\x7f]/.test(char) ? IN_VALUE : 0) |
    (/[A-Za-z_]/.test(char) ? NAME_START : 0) |
    (/[-.:\w]/.test(char) ? IN_NAME : 0);
}
CLASS[QUOTE]! |= IN_VALUE;
CLASS[APOSTROPHE]! |= IN_VALUE;

/**
 * saxes reads character by character through several calls each; this one reads plain runs of text, plain start tags and
 * end tags in one go, where they are complete in the chunk. Whatever is not plain (references, CDATA, line ends that must be
 * normalised, names beyond ASCII, anything illegal, anything that exceeds a limit, the end of the chunk) is left to saxes
 * from the beginning of the run or tag on, so that there is one place that decides.
 */
export class FastTokenizer extends Tokenizer {
  /** Text within an element, up to the next tag. */
  override handleTextInRoot(): void {
    // Not within what could become `]]>`.
    if (this.forbiddenState === 0) {
      const { chunk, i: start } = this;
      const { length } = chunk;
      let i = start;
      let code = 0;
      while (i < length) {
        code = chunk.charCodeAt(i);
        if (code < 128 ? (CLASS[code]! & IN_TEXT) === 0 : code >= 0xfffe) break;
        i++;
      }
      this.i = i;
      if (i === length) {
        this.text += chunk.slice(start);
        this.plainTail = i - start - 1;
        return;
      }
      if (code === LESS) {
        const text = this.text === '' ? chunk.slice(start, i) : this.text + chunk.slice(start, i);
        this.i = i + 1;
        this.text = '';
        this.state = S_OPEN_WAKA;
        if (text !== '') this.handler.text(text);
        return;
      }
      this.text += chunk.slice(start, i);
    }
    super.handleTextInRoot();
  }

  override sOpenWaka(): void {
    // The root decides what the rest is, once; saxes does it all.
    if (this.tags.length > 0 || this.fragmentOpt) {
      if (this.chunk.charCodeAt(this.i) === SLASH ? this.#endTag() : this.#startTag()) return;
    }
    super.sOpenWaka();
  }

  #endTag(): boolean {
    const { chunk, tags } = this;
    const last = tags.length - 1;
    if (last < 0) return false;
    const { name } = tags[last]!;
    const start = this.i + 1;
    const end = start + name.length;
    if (end >= chunk.length || chunk.charCodeAt(end) !== GREATER || !holds(chunk, start, name)) return false;
    this.i = end + 1;
    tags.pop();
    if (last === 0) this.closedRoot = true;
    this.state = S_TEXT;
    this.handler.endTag();
    return true;
  }

  #startTag(): boolean {
    const { chunk } = this;
    // A tag has at least one character after the name or value that is being read: `>`. So reading stops before the last
    // one, and never beyond the end, which would make the engine give up its fast code.
    const last = chunk.length - 1;
    let i = this.i;
    let start = i;
    let code = chunk.charCodeAt(i);
    if (code >= 128 || (CLASS[code]! & NAME_START) === 0) return false;
    do {
      if (i >= last) return false;
      code = chunk.charCodeAt(++i);
    } while (code < 128 && (CLASS[code]! & IN_NAME) !== 0);
    const name = chunk.slice(start, i);
    if (name.length > this.limits.nameLength) return false;
    let attributes: Attributes | undefined;
    let xmlns: string | undefined;
    let prefixed = false;
    let count = 0;
    while (code === SPACE) {
      if (i >= last) return false;
      code = chunk.charCodeAt(++i);
      if (code >= 128 || (CLASS[code]! & NAME_START) === 0) continue;
      start = i;
      let colon = false;
      do {
        if (i >= last) return false;
        if (code === COLON) colon = true;
        code = chunk.charCodeAt(++i);
      } while (code < 128 && (CLASS[code]! & IN_NAME) !== 0);
      if (code !== EQUAL || i >= last) return false;
      const key = chunk.slice(start, i);
      const quote = chunk.charCodeAt(++i);
      if (quote !== APOSTROPHE && quote !== QUOTE) return false;
      start = i + 1;
      for (;;) {
        if (i >= last) return false;
        code = chunk.charCodeAt(++i);
        if (code === quote) break;
        if (code < 128 ? (CLASS[code]! & IN_VALUE) === 0 : code >= 0xfffe) return false;
      }
      if (i >= last) return false;
      const value = chunk.slice(start, i);
      if (key.length > this.limits.nameLength || ++count > this.limits.attributes) return false;
      if (key === 'xmlns') {
        if (xmlns !== undefined) return false;
        xmlns = value;
      } else {
        attributes ??= new Attributes();
        if (attributes[key] !== undefined) return false;
        attributes[key] = value;
        if (colon && key !== 'xml:lang') prefixed = true;
      }
      code = chunk.charCodeAt(++i);
    }
    const empty = code === SLASH;
    if (empty) {
      if (i >= last) return false;
      code = chunk.charCodeAt(++i);
    }
    if (code !== GREATER) return false;
    this.i = i + 1;
    this.state = S_TEXT;
    this.handler.startTag(name, attributes, xmlns, prefixed, count);
    if (!empty) {
      this.tags.push({ name });
    } else {
      if (this.tags.length === 0) this.closedRoot = true;
      this.handler.endTag();
    }
    return true;
  }
}

/** Whether `chunk` goes on with `text` at `start`; there must be enough of it. */
function holds(chunk: string, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== chunk.charCodeAt(start + i)) return false;
  }
  return true;
}
