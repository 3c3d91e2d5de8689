// What XML 1.0 (fifth edition) and Namespaces in XML 1.0 say of single characters and names, for reading and writing.

/** What no Char is (section 2.2); of surrogates the lone ones, as the `u` flag takes pairs for one character. */
export const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/u;

/** The predefined entities (section 4.6), in the order of `ENTITY_NAMES`. */
export const ENTITIES = '<>&"\'';
export const ENTITY_NAMES = ['lt', 'gt', 'amp', 'quot', 'apos'];

// Section 2.3, without the colon: what no name begins with, and of what else names are.
const NAME = String.raw`(?![-.\d\xb7\u0300-\u036f\u203f\u2040])[^\0-,/:-@[-^\x60{-\xb6\xb8-\xbf\xd7\xf7\u037e\u2000-\u200b\u200e-\u203e\u2041-\u206f\u2190-\u2bff\u2ff0-\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufffe\uffff\u{f0000}-\u{10ffff}]+`;

const NCNAME = /* #__PURE__ */ new RegExp(`^${NAME}$`, 'u');
const QNAME = /* #__PURE__ */ new RegExp(`^${NAME}(:${NAME})?$`, 'u');

/** Whether `text` is an NCName: a name without a prefix. */
export const isNcName = (text: string): boolean => NCNAME.test(text);

/** Whether `text` is a QName: an NCName, or two with a colon between them. */
export const isQName = (text: string): boolean => QNAME.test(text);

/** Whether `text` is a Name of XML itself, where the colon is a character like others. */
export const isName = (text: string): boolean => isNcName(text.replace(/:/g, '_'));

const hex = (c: string): string => c.codePointAt(0)!.toString(16);

/** How errors name a character: never as it is, since it may be invisible or a control character. */
export const codePoint = (c: string): string => `U+${hex(c).toUpperCase().padStart(4, '0')}`;

/** A text of somebody else's as it may stand in an error: short, and with nothing invisible. */
export const quoted = (text: string): string =>
  // JSON escapes control characters and lone surrogates; the other two that XML forbids are made visible here.
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text).replace(/[\ufffe\uffff]/g, (c) => `\\u${hex(c)}`);
