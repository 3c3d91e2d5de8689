import type { XmppError } from '../../lib/errors/index.js';
import { NS, xml } from '../../lib/xml/index.js';
import { serialize } from '../../lib/xml/serialize.js';
import { StreamParser, type StreamParserOptions } from '../../lib/xml/stream-parser.js';
import { HEADER, octets, OPEN } from './replay.js';

/** What people are told of a fault: the offending name, value or limit, whatever the words around it. */
function fault(chunks: readonly (string | Uint8Array)[], options: Partial<StreamParserOptions> = {}, ends = false) {
  let told: XmppError | undefined;
  const parser = new StreamParser(
    { framing: 'stream', ...options },
    { open: () => undefined, element: () => undefined, close: () => undefined, error: (error) => (told = error) },
  );
  for (const chunk of chunks) parser.write(chunk);
  if (ends) parser.end();
  expect(told!.text).toMatch(/\w{3}/);
  expect(told!.text).not.toMatch(/undefined|Stryker/);
  return `${told!.condition}: ${told!.text}`;
}

describe('the text of a fault in a stream', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['a byte order mark', octets([0xef, 0xbb, 0xbf], HEADER), /^not-well-formed: /],
    ['octets that are not UTF-8', octets([0xff]), /^unsupported-encoding: .*UTF-8/],
    ['another encoding', "<?xml version='1.0' encoding='latin1'?>", /^unsupported-encoding: .*latin1/],
    ['another root', `<hello xmlns='${NS.stream}'>`, /^bad-format: .*hello/],
    ['another namespace', `<stream xmlns='urn:example'>`, /^invalid-namespace: .*urn:example/],
    ['a comment', `${HEADER}<!-- -->`, /^restricted-xml: /],
    ['an unbound prefix', `${HEADER}<pre:fix/>`, /^bad-namespace-prefix: .*pre:fix/],
    ['an attribute twice', `${HEADER}<a hello='' hello=''/>`, /^not-well-formed: .*hello/],
    ['xmlns twice', `${HEADER}<a xmlns='' xmlns=''/>`, /^not-well-formed: .*xmlns/],
    [
      'an attribute twice, by its namespace',
      `${HEADER}<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>`,
      /^not-well-formed: .*b"/,
    ],
    ['no value', `${HEADER}<a hello/>`, /^not-well-formed: .*hello/],
    ['a value that is none', `${HEADER}<a b='<'/>`, /^not-well-formed: /],
    ['a tag that does not end', `${HEADER}<hello /x>`, /^not-well-formed: .*hello/],
    ['a name that is none', `${HEADER}<a:b:c/>`, /^not-well-formed: .*a:b:c/],
    ['another end', `${HEADER}<a></b>`, /^not-well-formed: .*<\//],
    ['a second root', `${HEADER}</stream:stream><a/>`, /^not-well-formed: .*</],
    [']]>', `${HEADER}<a>]]></a>`, /^not-well-formed: .*\]\]>/],
    ['a section that is none', `${HEADER}<a><![HELLO[</a>`, /^not-well-formed: .*<!\[HELLO/],
    ['no declaration', '<?xml ?>', /^not-well-formed: .*<\?/],
    ['a reference that is none', `${HEADER}<a>&#0;</a>`, /^not-well-formed: .*&#0;/],
    ['a reference named by a colon', `${HEADER}<a>&:;</a>`, /^restricted-xml: .*&:;/],
    ['an instruction whose name has a colon first', '<?:1 ?>', /^restricted-xml: .*<\?/],
    ['a character that is none, beyond ASCII', `${HEADER}<a>\uffff</a>`, /^not-well-formed: .*\\uffff/],
    ['a character that is none', `${HEADER}<a>\u0001</a>`, /^not-well-formed: .*u0001/],
    ['a prefix undeclared', `${HEADER}<a xmlns:pre=''/>`, /^not-well-formed: .*pre/],
    ['a prefix of xmlns', `${HEADER}<xmlns:hello/>`, /^not-well-formed: .*xmlns:hello/],
    ['text between stanzas', `${HEADER}x`, /^bad-format: /],
    ['text before the stream', 'x', /^not-well-formed: /],
    ['a second header', `${HEADER}<stream:stream>`, /^bad-format: .*stream/],
    ['an element of the stream', `${HEADER}<stream:hello/>`, /^bad-format: .*hello/],
    ['a lone surrogate', `${HEADER}<a>\udc00</a>`, /^unsupported-encoding: /],
    ['a lone surrogate, far', `${HEADER}<a>${'x'.repeat(5000)}\udc00</a>`, /^unsupported-encoding: /],
    ['U+FFFE', `${HEADER}<a>\ufffe</a>`, /^not-well-formed: .*\\ufffe/],
    // What cannot be mended by anything to come is told at once.
    ['the second half of a pair, last', `${HEADER}<a>\udc00`, /^unsupported-encoding: /],
    ['U+FFFF, last', `${HEADER}<a>\uffff`, /^not-well-formed: /],
    ['half a character and a letter, last', octets(HEADER, '<a>', [0xe2, 0x61]), /^unsupported-encoding: /],
    ['half a character and a control, last', octets(HEADER, '<a>', [0xe2, 0x7f]), /^unsupported-encoding: /],
    ['an octet that begins none, last', octets(HEADER, '<a>', [0xf5]), /^unsupported-encoding: /],
  ])('%s', (_, input, text) => {
    expect(fault([input])).toMatch(text);
  });

  it.each<[string, object, string, number]>([
    ['levels', { depth: 3 }, '<a><a><a><a>', 3],
    ['elements', { elements: 4 }, '<a><b/><b/><b/><b/>', 4],
    ['attributes', { attributes: 2 }, `<a b='' c='' d=''>`, 2],
    ['attributes of all', { allAttributes: 5 }, `<a b='' c='' d=''><a b='' c='' d=''/>`, 5],
    ['names', { nameLength: 7 }, '<abcdefgh/>', 7],
    ['octets', { stanzaBytes: 300 }, `<a>${'x'.repeat(300)}`, 300],
  ])('a limit: %s', (_, limits, input, limit) => {
    const header = `<stream:stream xmlns:stream='${NS.stream}'>`;
    expect(fault([header, input], { limits })).toMatch(new RegExp(`^policy-violation: .*\\b${limit}\\b`));
  });

  it.each(['<a>', '<a/>\ud83d'])('an end within an element, or a character: %j', (input) => {
    expect(fault([HEADER, input], {}, true)).toMatch(/^not-well-formed: .*end/);
  });

  it('says who begins no stream only of who does not', () => {
    expect(fault(['x'])).toContain('XMPP');
    expect(fault([HEADER, 'x'])).not.toContain('XMPP');
  });

  it('is short, whatever was sent', () => {
    const said = fault([`${HEADER}<pre:${'x'.repeat(200)}/>`]);
    expect(said).toContain(`${'x'.repeat(56)}...`);
    expect(said.length).toBeLessThan(150);
    expect(fault([`${HEADER}<pre:${'x'.repeat(56)}/>`])).not.toContain('...');
  });
});

describe('the text of a fault in frames', () => {
  const frames = (...more: string[]) => fault([OPEN, ...more], { framing: 'frames' });
  const CLOSE = `<close xmlns='${NS.framing}'/>`;

  it.each<[string, string[], RegExp]>([
    ['two elements', ['<a/><b/>'], /one element/],
    ['white space', [' '], /^bad-format: /],
    ['a header within', [OPEN], /^bad-format: .*open/],
    ['something behind the footer', [CLOSE, '<hello/>'], /^bad-format: .*hello/],
    ['a footer with content', [CLOSE.replace('/>', '>x</close>')], /close/],
    ['a lone surrogate', ['<a>\ud800</a>'], /^unsupported-encoding: /],
  ])('%s', (_, more, text) => {
    expect(frames(...more)).toMatch(text);
  });

  it('something in place of the header', () => {
    expect(fault(['<hello/>'], { framing: 'frames' })).toMatch(/hello/);
  });

  it('a limit', () => {
    expect(fault([OPEN, `<a>${'x'.repeat(300)}</a>`], { framing: 'frames', limits: { stanzaBytes: 300 } })).toMatch(
      /policy-violation: .*300/,
    );
  });
});

describe('the text of what cannot be written', () => {
  const refused = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return `${(error as XmppError).condition}: ${(error as XmppError).text}`;
    }
    return 'taken';
  };
  const deep = (depth: number) => {
    let element = xml('a');
    for (let n = 0; n < depth; n++) element = xml('a', {}, element);
    return element;
  };

  it('names the limit of levels, and where, in short', () => {
    const said = refused(() => serialize(deep(2_000)));
    expect(said).toMatch(/^too-deep: .*1024/);
    expect(said.length).toBeLessThan(300);
    expect(said).toMatch(/\.\.\.\)$/);
  });

  it('names the namespace that no element may be in, and where it was put', () => {
    expect(refused(() => serialize(xml('a', { xmlns: NS.xmlns })))).toContain(NS.xmlns);
    const made = xml('a', { b: 'x' });
    const odd = Object.assign(Object.create(Object.getPrototypeOf(made) as object), made, {
      attrs: { xmlns: 'urn:example' },
    }) as typeof made;
    expect(refused(() => serialize(odd))).toMatch(/^bad-namespace: .*xmlns/);
  });

  it.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /function|=>/],
    ['a truth', true, /boolean|true/],
    ['a symbol', Symbol('x'), /symbol/i],
    ['an object of a class', new Date(0), /Date|1970/],
    ['an object', {}, /object/i],
    ['an object of none', Object.create(null), /object/i],
  ])('names what is no content: %s', (_, content, text) => {
    const said = refused(() => xml('a', {}, content as never));
    expect(said).toMatch(/^bad-content: /);
    expect(said).toMatch(text);
  });

  it('shortens a long name', () => {
    const said = refused(() => serialize(xml(`${'x'.repeat(60)} y`)));
    expect(said).toContain(`${'x'.repeat(40)}...`);
    expect(refused(() => serialize(xml(`${'x'.repeat(38)} y`)))).not.toContain('...');
  });

  it('hints at how a namespace is written', () => {
    expect(refused(() => serialize(xml('a', { 'p:b': '' })))).toContain('{namespace}name');
  });

  it.each([
    ['\udfff', 'U+DFFF'],
    ['\ud800', 'U+D800'],
    ['\0', 'U+0000'],
    ['\ufffe', 'U+FFFE'],
  ])('names the character: %j', (text, shown) => {
    expect(refused(() => serialize(xml('a', {}, text)))).toContain(shown);
  });
});
