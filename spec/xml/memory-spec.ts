import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { StreamParser } from '../../lib/xml/stream-parser.js';
import { DEFAULT_XML_LIMITS } from '../../lib/xml/xml-limits.js';

setFlagsFromString('--expose_gc');
const gc = runInNewContext('gc') as () => void;

/** Octets in use, once garbage is gone. */
function used(): number {
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const { stanzaBytes, depth, elements, allAttributes } = DEFAULT_XML_LIMITS;
const CHUNK = 16_384;
const HEADER = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s' version='1.0'>`;

/** Feeds a text in chunks as a socket gives them, each memory of its own. */
function feed(parser: StreamParser, text: string): void {
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += CHUNK) parser.write(new Uint8Array(octets.subarray(at, at + CHUNK)));
}

describe('memory (X2)', () => {
  // Text of 13 characters and more is what V8 keeps as a part of a longer one.
  const rows: [string, string, (index: number) => string][] = [
    ['text', '<message><body>', () => 'x'],
    ['text of characters with two octets', '<message><body>', () => 'ü'],
    ['text in small pieces', '<message><body>', () => 'x&amp;y'],
    ['line ends', '<message><body>', () => '\r'],
    ['line ends in a text', '<message><body>', () => 'thirteen char\r\n'],
    ['an attribute', `<message a='`, () => 'x'],
    ['an attribute full of references', `<message a='`, () => '&amp;\n'],
    ['CDATA', '<message><body><![CDATA[', () => 'x'],
    ['white space', '<message>', () => ' \n'],
    ['tiny elements', '<message>', () => '<a/>'],
    ['tiny elements between text', '<message>', () => '<a/>x'],
    ['depth', `<message>${'<a>'.repeat(depth - 2)}`, () => '<a>x</a>'],
    ['items', '<message>', () => `<item jid='romeo@example.org/orchard' name='Romeo &amp; co'/>`],
    ['elements with text in all places', '<message>', () => `<a b='thirteen char'>thirteen char</a>thirteen char`],
    ['elements with references', '<message>', () => `<a b='&amp;'>&amp;</a>&amp;`],
    ['four attributes', '<message>', () => `<a b='1' c='2' d='3' e='4'/>`],
    ['two attributes', '<message>', () => `<a b='thirteen char' c='thirteen char'/>`],
    ['names of their own', '<message>', (index) => `<a${index}/>`],
    ['namespaces of their own', '<message>', (index) => `<a xmlns='${index}'/>`],
    ['attributes of their own', '<message>', (index) => `<a b${index}='x'/>`],
    [
      'attributes with prefixes of their own',
      '<message>',
      (index) => `<a xmlns:b${index}='u${index}' b${index}:c='x'/>`,
    ],
  ];

  it.each(rows)('%s: a stanza without an end keeps no more than four times its limit', (_name, begin, unit) => {
    let faults = 0;
    const nothing = () => undefined;
    const handlers = { open: nothing, element: nothing, close: nothing, error: () => void faults++ };
    // As many units as may be, and all the other octets as text where that can follow.
    const attributes = unit(0).split('=').length - 1;
    const most = unit(0).startsWith('<')
      ? Math.min(elements - depth, Math.floor(allAttributes / attributes))
      : stanzaBytes;
    const units: string[] = [begin];
    let left = stanzaBytes - Buffer.byteLength(begin);
    for (let index = 0; index < most && left > 100; index++) {
      const one = unit(index);
      units.push(one);
      left -= Buffer.byteLength(one);
    }
    const stanza = units.join('') + 'x'.repeat(Math.max(0, left - 1));
    const fill = () => {
      const parser = new StreamParser({ framing: 'stream' }, handlers);
      feed(parser, HEADER);
      feed(parser, stanza);
      return parser;
    };
    // What else the process does may add to it or take away: the one in the middle counts.
    let parser: StreamParser | undefined;
    const measure = () => {
      parser = undefined;
      const before = used();
      parser = fill();
      return used() - before;
    };
    const kept = [measure(), measure(), measure()].sort((a, b) => a - b)[1]!;
    expect(faults).toBe(0);
    expect(kept).toBeLessThanOrEqual(4 * stanzaBytes);
    // And then it ends.
    feed(parser!, unit(0).repeat(Math.ceil(stanzaBytes / unit(0).length) + 1));
    expect(faults).toBe(1);
  });

  // A session keeps them as long as it lives, and there may be thousands of sessions in a process.
  it('the header and the features keep nothing of what they came with', () => {
    const count = 3000;
    const kept: unknown[] = [];
    const keep = (element: unknown) => void kept.push(element);
    const begin = (n: number) => {
      const id = `an-identifier-of-its-own-${n}`;
      const features = `<x xmlns='urn:example:of-its-own:${n}' node='urn:example:${id}'/>`;
      const stanza = `<message><body>${'x'.repeat(900)}</body></message>`;
      const parser = new StreamParser({ framing: 'stream' }, { open: keep, element: keep, close: keep, error: keep });
      feed(parser, HEADER.replace("id='s'", `id='${id}'`) + `<stream:features>${features}</stream:features>${stanza}`);
      kept.pop();
    };
    const measure = () => {
      kept.length = 0;
      const before = used();
      for (let n = 0; n < count; n++) begin(n);
      return (used() - before) / count;
    };
    const each = [measure(), measure(), measure()].sort((a, b) => a - b)[1]!;
    expect(kept).toHaveLength(2 * count);
    expect(each).toBeLessThan(1000);
  });

  it('stanzas keep nothing of the prefixes that they declared', () => {
    const nothing = () => undefined;
    let faults = 0;
    const handlers = { open: nothing, element: nothing, close: nothing, error: () => void faults++ };
    const parser = new StreamParser({ framing: 'stream' }, handlers);
    feed(parser, HEADER);
    const more = (from: number) => {
      for (let n = from; n < from + 20_000; n++)
        feed(parser, `<a xmlns:p${n}='u' xmlns:q${n}='v' p${n}:b='1'><q${n}:c xmlns:p${n}='w'/></a>`);
    };
    more(0);
    const before = used();
    more(20_000);
    expect(used() - before).toBeLessThan(100_000);
    expect(faults).toBe(0);
  });

  it('names keep nothing of what they came with', () => {
    const nothing = () => undefined;
    let faults = 0;
    const handlers = { open: nothing, element: nothing, close: nothing, error: () => void faults++ };
    const parser = new StreamParser({ framing: 'stream' }, handlers);
    feed(parser, `${HEADER}<stream:features/>`);
    const more = (length: number) => {
      for (let n = 0; n < 3000; n++) feed(parser, `<${`n${n}`.padEnd(length, 'x')}/><a>${'x'.repeat(1400)}</a>`);
    };
    // What is compiled meanwhile counts for nothing.
    more(12);
    const before = used();
    for (const length of [13, 14, 15, 16]) more(length);
    expect(used() - before).toBeLessThan(100_000);
    expect(faults).toBe(0);
  });
});
