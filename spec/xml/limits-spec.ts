import { Tokenizer } from '../../lib/xml/tokenizer.js';
import { xmlLimits, DEFAULT_XML_LIMITS } from '../../lib/xml/xml-limits.js';
import { HEADER, OPEN, parseChunks, replay, utf8 } from './replay.js';

const OPENED = 'open stream jabber:client';
const POLICY = 'error: policy-violation';

/** What is fed to the tokenizer, which is its own parser's business otherwise. */
const spyOnTokens = () =>
  jest.spyOn(Tokenizer.prototype as unknown as { tokenize(text: string, octets: Uint8Array): void }, 'tokenize');

describe('limits (X2)', () => {
  it('have defaults, which undefined does not change', () => {
    expect(xmlLimits()).toEqual(DEFAULT_XML_LIMITS);
    expect(xmlLimits({ depth: undefined, attributes: 3 })).toEqual({ ...DEFAULT_XML_LIMITS, attributes: 3 });
  });

  const size = HEADER.length;
  const exact = `<a>${'x'.repeat(size - 7)}</a>`;
  const over = `<a>${'x'.repeat(size - 6)}</a>`;

  it('takes elements of exactly the limit, any number of them', () => {
    const limits = { stanzaBytes: size };
    expect(replay(HEADER + exact + exact, { limits })).toEqual([OPENED, exact, exact]);
    expect(replay(`${HEADER}  ${exact}\n${exact} `, { limits })).toEqual([OPENED, exact, exact]);
  });

  it.each(Object.keys(DEFAULT_XML_LIMITS))('takes nothing where %s is no number', (name) => {
    expect(replay(`${HEADER}<a b='c'/>`, { limits: { [name]: NaN } }).at(-1)).toEqual(POLICY);
  });

  it('takes no octet more', () => {
    const limits = { stanzaBytes: size };
    expect(replay(HEADER + exact + over, { limits })).toEqual([OPENED, exact, POLICY]);
    expect(replay(HEADER, { limits: { stanzaBytes: size - 1 } })).toEqual([POLICY]);
  });

  it('counts octets, not characters', () => {
    const wide = `<a>${'€'.repeat(Math.floor((size - 7) / 3))}</a>`;
    const limits = { stanzaBytes: size };
    expect(replay(HEADER + wide + exact + wide, { limits })).toEqual([OPENED, wide, exact, wide]);
    expect(replay(HEADER + wide + wide.replace('</a>', '€</a>') + wide, { limits })).toEqual([OPENED, wide, POLICY]);
    const astral = `<a>${'\u{1f600}'.repeat(Math.floor((size - 7) / 4))}</a>`;
    expect(replay(HEADER + astral + astral, { limits })).toEqual([OPENED, astral, astral]);
    expect(replay(HEADER + astral.replace('</a>', '\u{1f600}</a>'), { limits })).toEqual([OPENED, POLICY]);
  });

  it('counts each frame', () => {
    const limits = { stanzaBytes: OPEN.length };
    const options = { framing: 'frames', limits } as const;
    const wide = `<a>${'€'.repeat(Math.floor((OPEN.length - 7) / 3))}</a>`;
    expect(parseChunks([OPEN, wide, wide], options)).toEqual(['open open ', wide, wide]);
    expect(parseChunks([OPEN, wide.replace('</a>', '€</a>')], options)).toEqual(['open open ', POLICY]);
    expect(parseChunks([OPEN, utf8(wide.replace('</a>', '€</a>'))], options)).toEqual(['open open ', POLICY]);
    expect(parseChunks([OPEN, `<a>${'x'.repeat(OPEN.length)}</a>`], options)).toEqual(['open open ', POLICY]);
  });

  it('lets white space between stanzas go on for ever', () => {
    const space = utf8(' '.repeat(10_000));
    const chunks = [utf8(HEADER), ...Array<Uint8Array>(300).fill(space), utf8('<a/>')];
    expect(parseChunks(chunks)).toEqual([OPENED, '<a/>']);
  });

  const endless: [what: string, begin: string, more: string][] = [
    ['text', '<a>', 'x'],
    ['white space in a stanza', '<a>', '\n'],
    ['attribute value', '<a b="', 'x'],
    ['attribute name', '<a ', 'x'],
    ['element name', '<', 'x'],
    ['end tag', '<a></', 'x'],
    ['white space in a tag', '<a', ' '],
    ['CDATA', '<a><![CDATA[', ']'],
    ['reference', '<a>&#', '0'],
    ['entity', '<a>&', 'x'],
    ['flood of elements', '<a>', '<b/>'],
    ['flood of references', '<a>', '&lt;'],
    ['flood of CDATA', '<a>', '<![CDATA[x]]>'],
    ['white space before the header', '', ' '],
    ['white space after the declaration', "<?xml version='1.0'?>", '\n'],
    ['XML declaration', "<?xml version='1.0' ", ' '],
    ['name of a processing instruction', '<?x', 'x'],
  ];

  it.each(endless)('ends an endless %s, having fed no more than the limit', (_, begin, more) => {
    const stanzaBytes = 20_000;
    const fed = spyOnTokens();
    try {
      const prolog = begin.startsWith('<a') || begin === '<' ? HEADER : '';
      const chunk = utf8(more.repeat(7000 / more.length));
      const chunks = [utf8(prolog), utf8(begin), ...Array<Uint8Array>(10).fill(chunk)];
      const log = parseChunks(chunks, { limits: { stanzaBytes, elements: 1e9 } });
      expect(log.at(-1)).toBe(POLICY);
      const characters = fed.mock.calls.reduce((sum, [text]) => sum + text.length, 0);
      expect(characters).toBeGreaterThan(stanzaBytes / 2);
      expect(characters).toBeLessThanOrEqual(prolog.length + stanzaBytes);
    } finally {
      fed.mockRestore();
    }
  });

  it('feeds the tokenizer small slices, so that kept texts keep little alive', () => {
    const fed = spyOnTokens();
    try {
      parseChunks([utf8(`${HEADER}<a>${'€'.repeat(30_000)}</a>`)]);
      expect(Math.max(...fed.mock.calls.map(([text]) => text.length))).toBeLessThanOrEqual(1536);
    } finally {
      fed.mockRestore();
    }
  });

  const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  const names = (n: number) => Array.from({ length: n }, (_, i) => ` b${i}='x'`).join('');
  const declarations = (n: number) => Array.from({ length: n }, (_, i) => ` xmlns:p${i}='x'`).join('');
  const bounds: [what: string, limits: object, within: string, beyond: string][] = [
    ['depth', { depth: 3 }, '<a><b><c/></b></a>', '<a><b><c><d/></c></b></a>'],
    ['depth by default', {}, nested(64), nested(65)],
    ['elements', { elements: 3 }, '<a><b/><c/></a>', '<a><b/><c/><d/></a>'],
    ['elements by default', {}, `<a>${'<b/>'.repeat(7_999)}</a>`, `<a>${'<b/>'.repeat(8_000)}</a>`],
    ['attributes by default', {}, `<a${names(64)}/>`, `<a${names(65)}/>`],
    ['attributes, with unusual values', { attributes: 3 }, "<a b='&lt;' c='' d=''/>", "<a b='&lt;' c='' d='' e=''/>"],
    [
      'attributes, with declarations',
      { attributes: 4 },
      "<a xmlns='x' b='' c='' d=''/>",
      "<a xmlns='x' b='' c='' d='' e=''/>",
    ],
    ['declarations', {}, `<a${declarations(64)}/>`, `<a${declarations(65)}/>`],
    ['names of elements', {}, `<${'x'.repeat(256)}/>`, `<${'x'.repeat(257)}/>`],
    ['names of elements beyond ASCII', {}, `<${'ü'.repeat(256)}/>`, `<${'ü'.repeat(257)}/>`],
    ['names of attributes', {}, `<a ${'x'.repeat(256)}=''/>`, `<a ${'x'.repeat(257)}=''/>`],
    [
      'names of attributes, with unusual values',
      {},
      `<a ${'x'.repeat(256)}='&lt;'/>`,
      `<a ${'x'.repeat(257)}='&lt;'/>`,
    ],
  ];

  it.each(bounds)('bounds %s', (_, limits, within, beyond) => {
    // The header is no stanza, but has attributes too.
    const header = "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'>";
    const run = (text: string) => parseChunks([utf8(header + text)], { limits }).slice(1);
    expect(run(within)).toHaveLength(1);
    expect(run(within)).not.toEqual([POLICY]);
    expect(run(`<z/>${beyond}`)).toEqual(['<z/>', POLICY]);
    if (beyond.length < 1000) {
      expect(replay(header + within, { limits })).toHaveLength(2);
      expect(replay(header + beyond, { limits }).slice(1)).toEqual([POLICY]);
    }
  });

  it('counts depth and elements anew for each stanza', () => {
    expect(replay(`${HEADER}<a><b/></a><a><b/></a><a><b/></a>`, { limits: { elements: 2, depth: 2 } })).toHaveLength(4);
  });
});
