// XML 1.0 (fifth edition) section 2.3, without the colon: Namespaces in XML 1.0 section 3.
const NAME_START =
  'A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F' +
  '\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}';
const NAME_REST = `${NAME_START}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040`;

const NAME = `[${NAME_START}][${NAME_REST}]*`;

const ASCII_NCNAME = /^[A-Za-z_][-.\w]*$/;
const NCNAME = new RegExp(`^${NAME}$`, 'u');
const QNAME = new RegExp(`^${NAME}(?::${NAME})?$`, 'u');

/** What is no Char of XML 1.0 section 2.2; lone surrogates, as the `u` flag takes pairs for one character. */
export const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/u;

/** Whether `text` is an NCName: a name without a prefix. */
export function isNcName(text: string): boolean {
  return ASCII_NCNAME.test(text) || NCNAME.test(text);
}

/** Whether `text` is a QName: an NCName, or two with a colon between them. */
export function isQName(text: string): boolean {
  return QNAME.test(text);
}

/** Whether `text` is a Name of XML itself, where the colon is a character like others. */
export function isName(text: string): boolean {
  return isNcName(text.replace(/:/g, '_'));
}
