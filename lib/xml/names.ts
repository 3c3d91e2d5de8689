// XML 1.0 (fifth edition) section 2.3, without the colon: Namespaces in XML 1.0 section 3.
const NAME_START =
  'A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F' +
  '\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}';
const NAME_REST = `${NAME_START}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040`;

const ASCII_NCNAME = /^[A-Za-z_][-.\w]*$/;
const NCNAME = new RegExp(`^[${NAME_START}][${NAME_REST}]*$`, 'u');

/** Whether `text` is an NCName: a name without a prefix. */
export function isNcName(text: string): boolean {
  return ASCII_NCNAME.test(text) || NCNAME.test(text);
}
