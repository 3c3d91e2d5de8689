import { StreamParser } from '../../lib/xml/stream-parser.js';
import { HEADER, octets, OPEN, parseChunks, utf8 } from './replay.js';

const OPENED = 'open open ';
const CLOSE = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const frames = (...list: (string | Uint8Array)[]) => parseChunks([OPEN, ...list], { framing: 'frames' });

describe('StreamParser: frames (RFC 7395)', () => {
  it('tells the header, elements and the footer', () => {
    expect(
      frames(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><x xmlns='urn:x'/></stream:features>",
        "<message xmlns='jabber:client' xml:lang='de'><body>&lt;\u{1f600}</body></message>",
        CLOSE,
      ),
    ).toEqual([
      OPENED,
      "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><x xmlns='urn:x'/></stream:features>",
      "<message xml:lang='de'><body>&lt;\u{1f600}</body></message>",
      'close',
    ]);
  });

  it('gives the footer, which can name another place', () => {
    const log: unknown[] = [];
    const parser = new StreamParser(
      { framing: 'frames' },
      {
        open: () => {},
        element: () => {},
        close: (footer) => log.push(footer?.attrs['see-other-uri']),
        error: (error) => log.push(error),
      },
    );
    parser.write("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://b.example/ws'/>");
    expect(log).toEqual(['wss://b.example/ws']);
  });

  it('takes frames of octets as well', () => {
    expect(frames(utf8('<a>€</a>'))).toEqual([OPENED, '<a>€</a>']);
  });

  it('takes frames longer than a slice', () => {
    for (const char of ['x', '€', '\u{1f600}']) {
      const text = char.repeat(9001);
      expect(frames(`<a>${text}</a>`, '<b/>')).toEqual([OPENED, `<a>${text}</a>`, '<b/>']);
    }
  });

  it('keeps no prefixes from frame to frame', () => {
    expect(frames("<p:a xmlns:p='u'/>", '<p:b/>')).toEqual([OPENED, "<a xmlns='u'/>", 'error: bad-namespace-prefix']);
  });

  const long = 'x'.repeat(5000);
  const faults: [title: string, frame: string | Uint8Array, condition?: string][] = [
    ['X7 two elements', '<a/><b/>'],
    ['X7 two elements, the second unfinished', '<a/><b'],
    ['X7 two elements, the first far', `<a>${long}</a><b/>`],
    ['X7 half an element', '<a>'],
    ['X7 half a tag', '<a'],
    ['X7 half an element, far', `<a>${long}`],
    ['X7 the other half', '</a>', 'not-well-formed'],
    ['X7 nothing', ''],
    ['X7 white space', ' '],
    ['X7 white space before', ' <a/>'],
    ['X7 white space after', '<a/>\n'],
    ['X7 CR after', '<a/>\r'],
    ['X7 white space far after', `<a/>${' '.repeat(5000)}`],
    ['X7 text', 'x'],
    ['X7 text after', '<a/>x'],
    ['X7 a reference after', '<a/>&amp;'],
    ['X7 <stream:stream>', HEADER.slice(HEADER.indexOf('<stream'))],
    ['X7 </stream:stream>', '</stream:stream>', 'not-well-formed'],
    ['X7 an XML declaration', "<?xml version='1.0'?><a/>", 'restricted-xml'],
    ['X7 a second header', OPEN],
    ['X7 a header with content', OPEN.replace('/>', '><a/></open>')],
    ['X7 a footer with content', CLOSE.replace('/>', '>x</close>')],
    ['X7 another element of the framing', CLOSE.replace('close', 'clos')],
    ['X4 another element of the stream namespace', "<message xmlns='http://etherx.jabber.org/streams'/>"],
    ['X1 a comment', '<a><!----></a>', 'restricted-xml'],
    ['X1 a comment before', '<!-- --><a/>', 'restricted-xml'],
    ['X1 a comment after', '<a/><!-- -->'],
    ['X1 an entity', '<a>&x;</a>', 'restricted-xml'],
    ['X1 a DTD', '<!DOCTYPE a><a/>', 'restricted-xml'],
    ['X3 a byte order mark', '\ufeff<a/>'],
    ['X3 no UTF-8', octets('<a>', 0xff, '</a>'), 'unsupported-encoding'],
    ['X3 half a character after', octets('<a/>', 0xe2)],
    ['X3 no UTF-8 after', octets('<a/>', 0xff), 'unsupported-encoding'],
    ['X3 a lone surrogate', '<a>\ud800</a>', 'unsupported-encoding'],
    ['X3 a lone surrogate after', '<a/>\udc00', 'unsupported-encoding'],
    ['X3 half a pair of surrogates after', '<a/>\ud83d', 'unsupported-encoding'],
    ['X3 half a pair of surrogates alone', '\ud83d', 'unsupported-encoding'],
    ['X3 U+FFFF after', '<a/>\uffff', 'not-well-formed'],
    ['X3 a lone surrogate, far', `<a>${long}\udc00</a>`, 'unsupported-encoding'],
  ];

  it.each([
    ['an element of the framing', CLOSE.replace('close', 'clos'), 'bad-format'],
    ['a lone surrogate', '<a>\ud800</a>', 'unsupported-encoding'],
  ])('%s in place of the header', (_, frame, condition) => {
    expect(parseChunks([frame, OPEN], { framing: 'frames' })).toEqual([`error: ${condition}`]);
  });

  it.each(faults)('%s', (_, frame, condition = 'bad-format') => {
    expect(frames('<before/>', frame, '<after/>')).toEqual([OPENED, '<before/>', `error: ${condition}`]);
  });

  it('insists on the header', () => {
    expect(parseChunks(['<a/>', OPEN], { framing: 'frames' })).toEqual(['error: bad-format']);
    expect(parseChunks([CLOSE], { framing: 'frames' })).toEqual(['close']);
    expect(parseChunks([CLOSE, '<a/>'], { framing: 'frames' })).toEqual(['close', 'error: bad-format']);
    expect(frames(CLOSE, CLOSE)).toEqual([OPENED, 'close', 'error: bad-format']);
  });

  it('is sealed for a restart after a whole frame', () => {
    const run = (...more: string[]) =>
      parseChunks([OPEN, '<success/>', ...more], { framing: 'frames' }, (parser) => parser.seal('restart'));
    expect(run()).toEqual([OPENED, '<success/>']);
    expect(run('<a/>')).toEqual([OPENED, '<success/>', 'error: policy-violation']);
  });
});
