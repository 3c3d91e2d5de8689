import { SaxesParser } from 'saxes';
import { FastTokenizer } from '../../lib/xml/fast-tokenizer.js';
import { Tokenizer, type TokenHandler } from '../../lib/xml/saxes.js';
import { XmlFault } from '../../lib/xml/xml-fault.js';
import { DEFAULT_XML_LIMITS } from '../../lib/xml/xml-limits.js';
import { chunked, mutant, seeded } from './mutants.js';
import { HEADER } from './replay.js';

const DOCUMENTS = 24_000;

/** Lone surrogates never reach a tokenizer, and it is never given half a pair: the decoder sees to both. */
const wellFormed = (text: string) => !/[\ud800-\udfff]/u.test(text);

class Recorder implements TokenHandler {
  readonly events: string[] = [];
  startTag(
    name: string,
    attributes: object | undefined,
    xmlns: string | undefined,
    prefixed: boolean,
    count: number,
  ): void {
    const entries = Object.entries(attributes ?? {});
    if (count !== entries.length + (xmlns === undefined ? 0 : 1)) this.events.push(`miscounted: ${count}`);
    this.events.push(`<${name} ${JSON.stringify(entries)} ${xmlns} ${prefixed}`);
  }
  endTag(): void {
    this.events.push('/>');
  }
  text(text: string): void {
    this.events.push(text);
  }
  whitespace(): void {}
}

function record(make: typeof Tokenizer, chunks: readonly string[], fragment: boolean): string[] {
  const recorder = new Recorder();
  const tokenizer = new make(recorder, { ...DEFAULT_XML_LIMITS, attributes: 5, nameLength: 20 }, fragment);
  try {
    for (const chunk of chunks) tokenizer.write(chunk);
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error;
    recorder.events.push(`${error.condition}: ${error.text}`);
  }
  return recorder.events;
}

/** saxes alone. Its first error, or the first thing that XMPP restricts, ends the record. */
function recordStock(chunks: readonly string[]): string[] {
  const parser = new SaxesParser({ xmlns: false, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const events: string[] = [];
  const stop = () => {
    events.push('fault');
    throw parser;
  };
  for (const name of ['error', 'comment', 'doctype', 'processinginstruction'] as const) parser.on(name, stop);
  parser.on('opentag', ({ name, attributes }) => {
    const others = Object.entries(attributes).filter(([key]) => key !== 'xmlns');
    const prefixed = others.some(([key]) => key.includes(':') && key !== 'xml:lang');
    events.push(`<${name} ${JSON.stringify(others)} ${attributes.xmlns} ${prefixed}`);
  });
  parser.on('closetag', () => events.push('/>'));
  parser.on('text', (text) => events.push(text));
  parser.on('cdata', (text) => text !== '' && events.push(text));
  try {
    for (const chunk of chunks) parser.write(chunk);
  } catch (error) {
    if (error !== parser) throw error;
  }
  return events;
}

describe('FastTokenizer', () => {
  it(`tells the same as saxes' own methods, of ${DOCUMENTS} mutated documents in random chunks`, () => {
    const random = seeded(1);
    let faults = 0;
    let tokens = 0;
    let byFast = 0;
    let bySaxes = 0;
    const slow = jest.spyOn(SaxesParser.prototype as unknown as { sAttrib(): void }, 'sAttrib');
    for (let n = 0; n < DOCUMENTS; n++) {
      const fragment = n % 4 === 0;
      const text = mutant(random, fragment ? '' : HEADER);
      const chunks = chunked(random, text);
      if (!chunks.every(wellFormed)) continue;
      const expected = record(Tokenizer, chunks, fragment);
      bySaxes += slow.mock.calls.length;
      slow.mockClear();
      const actual = record(FastTokenizer, chunks, fragment);
      byFast += slow.mock.calls.length;
      slow.mockClear();
      if (actual.join('\n') !== expected.join('\n'))
        expect({ n, chunks, events: actual }).toEqual({ n, chunks, events: expected });
      if (actual.some((event) => event.startsWith('miscounted'))) expect(actual).toBe('counted');
      tokens += expected.length;
      if (/^[a-z]+-[-a-z]+: /.test(expected.at(-1) ?? '')) faults++;
    }
    slow.mockRestore();
    // The comparison is worth something only if there is much to compare, sound and faulty, by fast paths and others.
    expect(faults).toBeGreaterThan(DOCUMENTS / 4);
    expect(faults).toBeLessThan((DOCUMENTS * 3) / 4);
    expect(tokens).toBeGreaterThan(DOCUMENTS * 5);
    // The fast paths are taken, and left.
    expect(byFast).toBeLessThan(bySaxes * 0.8);
    expect(byFast).toBeGreaterThan(bySaxes * 0.1);
  });

  it('tells the same as saxes itself, up to the first fault', () => {
    const random = seeded(2);
    let compared = 0;
    for (let n = 0; n < 4000; n++) {
      const text = mutant(random, HEADER);
      const chunks = chunked(random, text);
      if (!chunks.every(wellFormed)) continue;
      const ours = record(FastTokenizer, chunks, false);
      const theirs = recordStock(chunks);
      const fault = /^[a-z]+-[-a-z]+: /.test(ours.at(-1) ?? '') ? ours.pop()! : '';
      // White space between stanzas is told by saxes alone.
      const [mine, other] = [ours, theirs].map((events) => events.filter((event) => event.trim() !== ''));
      expect(other!.slice(0, mine!.length)).toEqual(mine);
      // Whatever saxes finds, ours found. Ours finds some of it earlier, or finds more at fault (limits, text between stanzas).
      if (theirs.at(-1) === 'fault') expect(fault).not.toBe('');
      if (fault.startsWith('not-well-formed')) expect(theirs.at(-1)).toBe('fault');
      compared += ours.length;
    }
    expect(compared).toBeGreaterThan(20_000);
  });

  const awkward = [
    '<a>]]></a>',
    '<a>]]]></a>',
    '<a>]]&gt;]></a>',
    '<a b="<"/>',
    "<a b='>' c='\"'/>",
    '<a b="&"/>',
    '<a b="\r\n"/>',
    '<a xmlns="u" xmlns="u"/>',
    '<a b="" b=""/>',
    '<a b="\uffff"/>',
    '<a>\ufffe</a>',
    '<a b=""c=""/>',
    '<a b = ""/>',
    '<a  b=""  />',
    '<a/ >',
    '<a b="" / >',
    '</a >',
    '<a></a></a>',
    '<a></aa>',
    '<aa></a>',
    '<a\n/>',
    '<é/>',
    '<aé b="é" é=""></aé>',
    '<a\x7f/>',
    '<a :b=""/>',
    '<:a/>',
  ];

  it.each(awkward)('tells the same as saxes of %j, cut anywhere', (text) => {
    for (const fragment of [true, false]) {
      const whole = (fragment ? '' : '<s>') + text;
      for (let at = 0; at <= whole.length; at++) {
        const chunks = [whole.slice(0, at), whole.slice(at)];
        expect(record(FastTokenizer, chunks, fragment)).toEqual(record(Tokenizer, chunks, fragment));
      }
    }
  });
});
