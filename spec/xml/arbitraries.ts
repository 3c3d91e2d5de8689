import fc from 'fast-check';
import { xml } from '../../lib/xml/xml.js';
import type { XmlElement } from '../../lib/xml/xml-element.js';

/** Names as XML allows them, the awkward ones often. */
export const ncName = fc.oneof(
  fc.constantFrom(
    'a',
    'message',
    'body',
    '_',
    'x-1.2',
    'größe',
    '名前',
    '\u{10000}',
    '__proto__',
    'constructor',
    'xmlnsx',
  ),
  fc.stringMatching(/^[A-Za-z_][-.\w]{0,8}$/).filter((name) => name !== 'xmlns'),
);

/** Any text that XML can hold, what needs care often. */
export const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '<',
        '>',
        '&',
        '"',
        "'",
        ']]>',
        '\t',
        '\n',
        '\r',
        '\r\n',
        ' ',
        '\ufeff',
        '\ufffd',
        '\u{1f600}',
        '&amp;',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }).filter((s) => !/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(s)),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

export const namespace = fc.constantFrom(
  'urn:a',
  'urn:b',
  'urn:\'<&>"\n',
  'urn:{a}b',
  'jabber:client',
  'http://etherx.jabber.org/streams',
);

const attributes = fc
  .array(
    fc.tuple(
      fc.oneof(
        ncName,
        ncName.map((name) => `xml:${name}`),
        fc.tuple(namespace, ncName).map(([ns, name]) => `{${ns}}${name}`),
      ),
      text,
    ),
    { maxLength: 4 },
  )
  .map((entries) => {
    const attrs = Object.create(null) as Record<string, string>;
    for (const [name, value] of entries) attrs[name] = value;
    return attrs;
  });

const xmlns = fc.option(fc.oneof(namespace, fc.constantFrom('', 'http://www.w3.org/XML/1998/namespace')), {
  nil: undefined,
  freq: 2,
});

/** Elements with every kind of name, namespace, attribute and content. */
export const element: fc.Arbitrary<XmlElement> = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc
    .tuple(
      ncName,
      xmlns,
      attributes,
      fc.array(fc.oneof({ depthSize: 'small' }, text, tie('element')), { maxLength: 4 }),
    )
    .map(([name, ns, attrs, children]) =>
      xml(name, ns === undefined ? attrs : Object.assign(attrs, { xmlns: ns }), ...children),
    ),
})).element;
