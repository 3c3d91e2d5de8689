import { Tokenizer, type Open } from '../../lib/xml/tokenizer.js';
import { decode, encode } from '../../lib/xml/utf8.js';
import { XmlFault } from '../../lib/xml/xml-fault.js';
import { DEFAULT_XML_LIMITS, type XmlLimits } from '../../lib/xml/xml-limits.js';
import { chunked, mutant, seeded } from './mutants.js';
import { HEADER } from './replay.js';
import { SaxesTokenizer, type TokenHandler } from './saxes-tokenizer.js';

/** `DOCUMENTS=200000 npx jest spec/xml/tokenizer` compares more. */
const DOCUMENTS = Number(process.env.DOCUMENTS ?? 24_000);

/**
 * Ends whatever a document leaves unfinished, and ends it badly, except for text and CDATA: faults of an unfinished tag are
 * told when it ends.
 */
const END = `<;?>${'x'.repeat(8)}`;

/** Lone surrogates never reach a tokenizer, and it is never given half a pair: the decoder sees to both. */
const wellFormed = (text: string) => !/[\ud800-\udfff]/u.test(text);

class Recorder implements TokenHandler {
  readonly events: string[] = [];
  #text = '';
  #depth = 0;
  startTag(
    name: string,
    attributes: object | undefined,
    xmlns: string | undefined,
    prefixed: boolean,
    count: number,
  ): void {
    this.#depth++;
    const entries = Object.entries(attributes ?? {});
    if (count !== entries.length + (xmlns === undefined ? 0 : 1)) this.event(`miscounted: ${count}`);
    this.event(`<${name} ${JSON.stringify(entries)} ${xmlns} ${prefixed}`);
  }
  endTag(): void {
    this.event('/>');
    this.#depth--;
  }
  /** In one piece, and not the white space around the root, as saxes tells more, and section by section. */
  text(text: string): void {
    if (this.#depth > 0) this.#text += text;
  }
  whitespace(): void {}
  event(event: string): void {
    if (this.#text !== '') this.events.push(this.#text);
    this.#text = '';
    this.events.push(event);
  }
}

interface Tag extends Open<Tag> {
  readonly qname: string;
}

/** The tokenizer, told of as saxes tells. */
class ToldTokenizer extends Tokenizer<Tag> {
  constructor(
    readonly handler: TokenHandler,
    limits: XmlLimits,
    fragment: boolean,
  ) {
    super(limits, !fragment);
  }

  write(text: string, octets: Uint8Array): void {
    this.tokenize(text, octets);
  }

  protected startTag(qname: string, ...rest: [object | undefined, string | undefined, boolean, number]): Tag {
    this.handler.startTag(
      qname,
      ...(rest as [Record<string, string> | undefined, string | undefined, boolean, number]),
    );
    return { qname, parent: this.open };
  }

  protected endTag(): void {
    this.handler.endTag();
  }

  protected text(text: string): void {
    this.handler.text(text);
  }

  protected whitespace(): void {
    this.handler.whitespace();
  }
}

/** What is told of a document. The text before a fault is left out: it may not have been told yet. */
function record(
  make: typeof ToldTokenizer | typeof SaxesTokenizer,
  chunks: readonly string[],
  fragment: boolean,
): string[] {
  const recorder = new Recorder();
  const tokenizer = new make(recorder, { ...DEFAULT_XML_LIMITS, attributes: 5, nameLength: 20 }, fragment);
  try {
    for (const chunk of chunks) {
      // What XML does not allow beyond ASCII is kept from a tokenizer.
      const [text, octets, fault] = decode(encode(chunk));
      tokenizer.write(text, octets);
      if (fault) throw fault;
    }
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error;
    return [...recorder.events, error.condition];
  }
  return recorder.events;
}

const isFault = (event: string | undefined) => /^[a-z]+(-[a-z]+)+$/.test(event ?? '');

describe('Tokenizer', () => {
  it(`tells the same as saxes, of ${DOCUMENTS} mutated documents in random chunks`, () => {
    const random = seeded(1);
    let faults = 0;
    let tokens = 0;
    for (let n = 0; n < DOCUMENTS; n++) {
      const fragment = n % 4 === 0;
      const text = mutant(random, fragment ? '' : HEADER) + END;
      const chunks = n % 8 === 0 ? [...text] : chunked(random, text);
      if (!chunks.every(wellFormed)) continue;
      const expected = record(SaxesTokenizer, chunks, fragment);
      const actual = record(ToldTokenizer, chunks, fragment);
      if (actual.join('\n') !== expected.join('\n'))
        expect({ n, chunks, events: actual }).toEqual({ n, chunks, events: expected });
      if (actual.some((event) => event.startsWith('miscounted'))) expect(actual).toBe('counted');
      tokens += expected.length;
      if (isFault(record(ToldTokenizer, [text.slice(0, -END.length)], fragment).at(-1))) faults++;
    }
    // The comparison is worth something only if there is much to compare, sound and faulty.
    expect(faults).toBeGreaterThan(DOCUMENTS / 4);
    expect(faults).toBeLessThan((DOCUMENTS * 3) / 4);
    expect(tokens).toBeGreaterThan(DOCUMENTS * 5);
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
    '<a b="\r\n\r\t\n&#13;&#xA;"/>',
    '<a b=c/>',
    '<a b=&c;/>',
    '<a b = &amp;>',
    '<a b="&c;<"/>',
    '<a b="<&c;"/>',
    '<a b="&c;\0"/>',
    '<a b="&amp" c=";"/>',
    '<a b="&#x41;&#65;&#0;"/>',
    '<a b="&#X41;"/>',
    '<a>&#x110000;</a>',
    '<a>&#0000000000000000000000065;</a>',
    '<a>&#xD800;</a>',
    '<a>&#xFFFE;</a>',
    '<a>&#9;&#1;</a>',
    '<a>&#;</a>',
    '<a>&;</a>',
    '<a>& ;</a>',
    '<a>&amp ;</a>',
    '<a>&a:b:;</a>',
    '<a>&1;</a>',
    '<a>&constructor;</a>',
    '<a>]]<![CDATA[]]]]>></a>',
    '<a>&#93;&#93;></a>',
    '<a>]\n]]x]]</a>',
    '<a>]]\r></a>',
    '<a>x\r\n\r\n\r\r\ny\r</a>',
    '<a>\r<![CDATA[\n\r]]>\n</a>',
    '<a><![CDATA[<a b="&x;]]]]]></a>',
    '<a><![CDATA[\0]]></a>',
    '<a><![CDATB[]]></a>',
    '<a><![cdata[]]></a>',
    '<a><!-</a>',
    '<a><!></a>',
    '<a><?xml?></a>',
    '<a><b c="<d e=\'/></a>',
    "<a b='1'\r\n\tc\n=\r'2'\t/>",
    '<a b="1"/c/>',
    '<a b="1" b:="2"/>',
    '<a b:c:d="2"/>',
    '<toolongforthelimitthere/>',
    '<a toolongforthelimitthere="&x;"/>',
    '<a b="" c="" d="" e="" f="" g="&x;"/>',
    '<a xml:lang="" xmlns:b="" xmlns="" b:c=""/>',
    '<a ×=""/>',
    '<a·b·/>',
    '<·a/>',
    '<\u{10000}a \u{1f600}=""/>',
    '<a>\u{1f600}\ud7ff\ue000\ufffd\x7f\x85</a>',
    '<a>\x1f</a>',
    '<a/>\x1f',
    '<a/><![CDATA[]]>',
    '<',
    '<>',
    '<<a/>',
    '< a/>',
    '<a></',
    '<a></a<',
    '<a><b></a></b>',
  ];

  /** What comes before, within and after the root, and within nothing. */
  const prolog = [
    "<?xml version='1.0'?><a/>",
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n<a/> \n',
    "<?xml\tversion\n=\r'1.10'  encoding = 'utf-8' ?><a/>",
    "<?xml version='1.0' standalone='no'?>\n<a/>",
    "<?xml version='1.0' encoding='latin1'?><a/>",
    "<?xml version='1.0' encoding='-'?><a/>",
    "<?xml version='1.0' encoding=\"utf-8'?><a/>",
    "<?xml version='2.0'?><a/>",
    "<?xml version='1.'?><a/>",
    "<?xml version='1.0'encoding='utf-8'?><a/>",
    "<?xml version='1.0' standalone='no' encoding='utf-8'?><a/>",
    "<?xml version='1.0' version='1.0'?><a/>",
    "<?xml version='1.0' standalone='maybe'?><a/>",
    "<?xml version='1&#46;0'?><a/>",
    "<?xml encoding='utf-8'?><a/>",
    '<?xml?><a/>',
    '<?xml ?><a/>',
    "<?xml version='1.0'><a/>",
    "<?xml version='1.0'? ><a/>",
    "<?xml version='1.0' ??><a/>",
    "<?xml version='?>'?><a/>",
    '<?XML?><a/>',
    '<?xml-stylesheet x?><a/>',
    "<?php echo '<a/>' ?>",
    '<?1?>',
    '<? xml?>',
    '<??>',
    " <?xml version='1.0'?><a/>",
    "<?xml version='1.0'?><?xml version='1.0'?><a/>",
    '<!DOCTYPE a><a/>',
    '<!-- --><a/>',
    'x<a/>',
    '&amp;<a/>',
    '<![CDATA[]]><a/>',
    '</a>',
    '<a/><b/>',
    '<a></a><b></b>',
    '<a/>x',
    '<a/>&amp;',
    '<a/><?x?>',
    '<a/><!---->',
    '<a/></a>',
    '\n\t\r <a/>\r\r\n',
  ];

  it.each(awkward)('tells the same as saxes of %j, cut anywhere', (text) => {
    for (const fragment of [true, false]) compare((fragment ? '' : '<s>') + text, fragment);
  });

  it.each(prolog)('tells the same as saxes of the document %j, cut anywhere', (text) => {
    compare(text, false);
  });
});

function compare(text: string, fragment: boolean): void {
  const whole = text + END;
  const expected = record(SaxesTokenizer, [whole], fragment);
  const characters = [...whole];
  for (let at = 0; at <= characters.length; at++) {
    const chunks = [characters.slice(0, at).join(''), characters.slice(at).join('')];
    expect(record(ToldTokenizer, chunks, fragment)).toEqual(expected);
  }
  expect(record(ToldTokenizer, characters, fragment)).toEqual(expected);
}
