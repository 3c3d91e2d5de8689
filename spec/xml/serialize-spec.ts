import fc from 'fast-check';
import { XmlError } from '../../lib/errors/xml-error.js';
import { serialize } from '../../lib/xml/serialize.js';
import { StreamParser } from '../../lib/xml/stream-parser.js';
import { xml } from '../../lib/xml/xml.js';
import type { XmlElement } from '../../lib/xml/xml-element.js';
import { element as anyElement, ncName, text as anyText } from './arbitraries.js';

const NSS = 'http://etherx.jabber.org/streams';

describe('serialize', () => {
  const written: [what: string, element: XmlElement, expected: string, contextNs?: string][] = [
    ['no content', xml('a'), '<a/>'],
    ['an empty text', xml('a', {}, ''), '<a/>'],
    ['content', xml('a', {}, '1', xml('b'), '2'), '<a>1<b/>2</a>'],
    ['attributes, in order', xml('a', { c: '1', b: '' }), "<a c='1' b=''/>"],
    ['escapes in text', xml('a', {}, `<>&"'\t\n\r]]>`), `<a>&lt;&gt;&amp;"'\t\n&#13;]]&gt;</a>`],
    ['escapes in values', xml('a', { b: `<>&"'\t\n\r` }), "<a b='&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;'/>"],
    [
      'what needs no escape',
      xml('a', { b: 'ü€\u{1f600}\u0085\u2028' }, '\u0085\ufffd\u{10ffff}\u{1fffe}'),
      "<a b='ü€\u{1f600}\u0085\u2028'>\u0085\ufffd\u{10ffff}\u{1fffe}</a>",
    ],
    ['no markup twice', xml('a', {}, '&amp;'), '<a>&amp;amp;</a>'],
    ['the context left out', xml('a', { xmlns: 'jabber:client' }, xml('b', { xmlns: 'jabber:client' })), '<a><b/></a>'],
    ['another context', xml('a', { xmlns: 'jabber:client' }), "<a xmlns='jabber:client'/>", ''],
    ['another context, inherited', xml('a'), '<a/>', 'urn:x'],
    [
      'namespaces where they change',
      xml(
        'a',
        { xmlns: 'urn:a' },
        xml('b'),
        xml('c', { xmlns: 'urn:c' }, xml('d', { xmlns: 'urn:a' })),
        xml('e', { xmlns: 'urn:a' }),
      ),
      "<a xmlns='urn:a'><b/><c xmlns='urn:c'><d xmlns='urn:a'/></c><e/></a>",
    ],
    [
      'back to the context',
      xml('a', { xmlns: 'urn:a' }, xml('b', { xmlns: 'jabber:client' })),
      "<a xmlns='urn:a'><b xmlns='jabber:client'/></a>",
    ],
    [
      'no namespace within one',
      xml('a', { xmlns: 'urn:a' }, xml('b', { xmlns: '' }, xml('c'))),
      "<a xmlns='urn:a'><b xmlns=''><c/></b></a>",
    ],
    ['no namespace within none', xml('a', { xmlns: '' }, xml('b', { xmlns: '' })), '<a><b/></a>', ''],
    ['an escaped namespace', xml('a', { xmlns: "u'&" }), "<a xmlns='u&apos;&amp;'/>"],
    ['xml:lang', xml('a', { 'xml:lang': 'de' }), "<a xml:lang='de'/>"],
    [
      "xml's namespace spelt out",
      xml('a', { '{http://www.w3.org/XML/1998/namespace}lang': 'de' }),
      "<a xml:lang='de'/>",
    ],
    [
      'attributes with namespaces',
      xml('a', { '{urn:x}b': '1', '{urn:y}b': '2', '{urn:x}c': '3' }, xml('d', { '{urn:y}e': '4' })),
      "<a xmlns:n0='urn:x' n0:b='1' xmlns:n1='urn:y' n1:b='2' n0:c='3'><d xmlns:n0='urn:y' n0:e='4'/></a>",
    ],
    [
      'the stream namespace, with its prefix',
      xml('error', { xmlns: NSS }, xml('reset', { xmlns: 'urn:r' })),
      `<stream:error xmlns:stream='${NSS}'><reset xmlns='urn:r'/></stream:error>`,
    ],
    [
      'the stream namespace, inherited',
      xml('features', { xmlns: NSS }, xml('a'), xml('b', { xmlns: 'jabber:client' })),
      `<stream:features xmlns:stream='${NSS}'><stream:a/><b/></stream:features>`,
    ],
    [
      "elements in xml's own namespace, which is never declared",
      xml('a', { xmlns: 'http://www.w3.org/XML/1998/namespace' }, xml('b'), xml('c', { xmlns: 'jabber:client' })),
      '<xml:a><xml:b/><c/></xml:a>',
    ],
    [
      'attributes of a namespace with braces',
      xml('a', { '{{u}v}b': '1', '{}}c': '2' }),
      "<a xmlns:n0='{u}v' n0:b='1' xmlns:n1='}' n1:c='2'/>",
    ],
    ['the stream namespace as context', xml('features', { xmlns: NSS }, xml('a')), '<features><a/></features>', NSS],
    [
      'names of Object.prototype',
      xml('constructor', { ['__proto__']: '1', toString: '2' }),
      "<constructor __proto__='1' toString='2'/>",
    ],
    ['names beyond ASCII', xml('größe', { 名前: '1' }), "<größe 名前='1'/>"],
  ];

  it.each(written)('writes %s', (...[, element, expected, contextNs]) => {
    expect(serialize(element, contextNs)).toBe(expected);
  });

  it('takes the prefix of the stream for declared where it is', () => {
    const error = xml('error', { xmlns: NSS }, xml('reset', { xmlns: 'urn:ietf:params:xml:ns:xmpp-streams' }));
    const inside = "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>";
    expect(serialize(error, 'jabber:client', true)).toBe(`<stream:error>${inside}</stream:error>`);
    expect(serialize(error, 'jabber:client')).toBe(`<stream:error xmlns:stream='${NSS}'>${inside}</stream:error>`);
  });

  it('is what toString() gives, in no context', () => {
    expect(`${xml('message', { xmlns: 'jabber:client' }, xml('body'))}`).toBe(
      "<message xmlns='jabber:client'><body/></message>",
    );
    expect(String(xml('message'))).toBe('<message/>');
  });

  // X5
  const refused: [what: string, element: XmlElement, condition: string, path: string, says: string][] = [
    ['NUL', xml('message', {}, xml('body', {}, 'a\0')), 'illegal-character', 'message/body#text', 'U+0000'],
    ['a control character', xml('a', { id: '\x1b' }), 'illegal-character', 'a/@id', 'U+001B'],
    ['vertical tab', xml('a', {}, '\v'), 'illegal-character', 'a#text', 'U+000B'],
    ['U+FFFE', xml('a', {}, '\ufffe'), 'illegal-character', 'a#text', 'U+FFFE'],
    ['U+FFFF', xml('a', { b: '\uffff' }), 'illegal-character', 'a/@b', 'U+FFFF'],
    ['a high surrogate', xml('a', {}, '\ud83d'), 'illegal-character', 'a#text', 'U+D83D'],
    ['a low surrogate', xml('a', {}, 'x\ude00y'), 'illegal-character', 'a#text', 'U+DE00'],
    ['swapped surrogates', xml('a', { 'xml:lang': '\ude00\ud83d' }), 'illegal-character', 'a/@xml:lang', 'U+DE00'],
    ['half a pair beside a pair', xml('a', {}, '\u{1f600}\ud83d'), 'illegal-character', 'a#text', 'U+D83D'],
    ['an illegal namespace', xml('a', { xmlns: '\x01' }), 'illegal-character', 'a/@xmlns', 'U+0001'],
    ['no name', xml(''), 'bad-name', '', '""'],
    ['a name with a space', xml('a', {}, xml('b c')), 'bad-name', 'a/b c', '"b c"'],
    ['a name that is markup', xml('a/><b'), 'bad-name', 'a/><b', 'a/><b'],
    ['a name with a prefix', xml('stream:error'), 'bad-name', 'stream:error', 'stream:error'],
    ['a name that begins with a digit', xml('1'), 'bad-name', '1', '"1"'],
    ['a name with a control character', xml('a\n'), 'bad-name', 'a\\n', '"a\\n"'],
    ['an attribute that is markup', xml('a', { "b='' c": '' }), 'bad-name', "a/@b='' c", "b='' c"],
    ['an attribute without a name', xml('a', { '': '' }), 'bad-name', 'a/@', '""'],
    ['an attribute with a prefix', xml('a', { 'p:b': '' }), 'bad-name', 'a/@p:b', '{namespace}name'],
    ['a declaration of a prefix', xml('a', { 'xmlns:p': 'u' }), 'bad-name', 'a/@xmlns:p', '{namespace}name'],
    ['xml: with two colons', xml('a', { 'xml:b:c': 'u' }), 'bad-name', 'a/@xml:b:c', 'xml:b:c'],
    ['a namespaced attribute with a bad name', xml('a', { '{u}b c': '' }), 'bad-name', 'a/@{u}b c', '{u}b c'],
    ['an attribute with an empty namespace', xml('a', { '{}b': '' }), 'bad-namespace', 'a/@{}b', '""'],
    [
      "an attribute in xmlns' namespace",
      xml('a', { '{http://www.w3.org/2000/xmlns/}b': '' }),
      'bad-namespace',
      'a/@{http://www.w3.org/2000/xmlns/}b',
      'xmlns',
    ],
    [
      "an element in xmlns' namespace",
      xml('a', { xmlns: 'http://www.w3.org/2000/xmlns/' }),
      'bad-namespace',
      'a',
      'namespace',
    ],
    [
      'deep within',
      xml('a', {}, 'x', xml('b', {}, xml('c'), xml('d', { e: '\0' }))),
      'illegal-character',
      'a/b/d/@e',
      'U+0000',
    ],
  ];

  it.each(refused)('X5 refuses %s', (_, element, condition, path, says) => {
    let error: unknown;
    try {
      serialize(element);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(XmlError);
    expect(error).toMatchObject({ condition, path });
    expect((error as XmlError).message).toContain(says);
    expect((error as XmlError).message).toContain(path);
    expect((error as XmlError).message).not.toMatch(/[\0-\x1f\ufffe\uffff]/);
  });

  it('refuses trees that no peer would take', () => {
    const nested = (depth: number) =>
      Array.from({ length: depth }).reduce<XmlElement>((inner) => xml('a', {}, inner), xml('a'));
    expect(serialize(nested(1023))).toHaveLength(1023 * 7 + 4);
    expect(() => serialize(nested(1024))).toThrow(XmlError);
    expect(() => serialize(nested(100_000))).toThrow(/too-deep/);
  });

  it('leaves no message with the text of a stanza', () => {
    expect(() => serialize(xml('auth', {}, 'secret\0'))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });
});

describe('serialize and parse', () => {
  it('any element comes back as it was', () => {
    fc.assert(
      fc.property(anyElement, fc.constantFrom('', 'jabber:client', 'urn:a'), (element, contextNs) => {
        const back = parse(serialize(element, contextNs), contextNs);
        expect(plain(back, contextNs)).toEqual(plain(element, contextNs));
        // And what was parsed is written such that it comes back exactly, namespaces left out or not.
        const again = parse(serialize(back, contextNs), contextNs);
        expect(again).toEqual(back);
        expect(parse(String(back), '').xmlns).toBe(back.xmlns);
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  it('any string is either written so that it comes back, or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), fc.boolean(), (codes, inText) => {
        const string = String.fromCharCode(...codes);
        const legal = !/[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/u.test(string);
        const element = inText ? xml('a', {}, string) : xml('a', { b: string });
        if (legal)
          expect(parse(serialize(element), 'jabber:client')).toEqual(
            xml('a', { ...element.attrs, xmlns: 'jabber:client' }, ...element.children),
          );
        else expect(() => serialize(element)).toThrow(XmlError);
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  it('names are either written so that they come back, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(ncName, anyText, fc.string()), fc.boolean(), (name, ofElement) => {
        const element = ofElement ? xml(name) : xml('a', { [name === 'xmlns' ? 'x' : name]: '1' });
        let written: string;
        try {
          written = serialize(element);
        } catch (error) {
          expect(error).toBeInstanceOf(XmlError);
          return;
        }
        expect(plain(parse(written, 'jabber:client'), 'jabber:client')).toEqual(plain(element, 'jabber:client'));
      }),
      { numRuns: 1000, seed: 1 },
    );
  });
});

function parse(xmlText: string, contentNs: string): XmlElement {
  const elements: XmlElement[] = [];
  const parser = new StreamParser(
    { framing: 'stream' },
    {
      open: () => {},
      element: (element) => elements.push(element),
      close: () => {},
      error: (error) => {
        throw error;
      },
    },
  );
  parser.write(`<s:stream xmlns:s='${NSS}'${contentNs === '' ? '' : ` xmlns='${contentNs}'`}>`);
  // Within an element of ours, as the top level takes not everything from the stream's namespace.
  parser.write(`<wrapper>${xmlText}</wrapper>`);
  return elements[0]!.children[0] as XmlElement;
}

/** An element with its namespaces resolved and its attributes compared without order. */
function plain(element: XmlElement, parentNs: string): unknown {
  const xmlns = element.xmlns !== '' || element.attrs.xmlns === '' ? element.xmlns : parentNs;
  const attrs = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const children = element.children.map((child) => (typeof child === 'string' ? child : plain(child, xmlns)));
  return { name: element.name, xmlns, attrs, children };
}
