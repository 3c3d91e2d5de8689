import { inspect } from 'node:util';
import { saslprep as oracle } from '@mongodb-js/saslprep';
import fc from 'fast-check';
import { SaslError } from '../../lib/errors/index.js';
import { saslprep } from '../../lib/sasl/saslprep.js';

type Outcome = { prepared: string } | { refused: string };

const attempt = (prepare: () => string): Outcome => {
  try {
    return { prepared: prepare() };
  } catch (error) {
    return { refused: (error as Error).message };
  }
};
const ours = (text: string): string | undefined => {
  const outcome = attempt(() => saslprep(text, 'text', 'PLAIN'));
  return 'prepared' in outcome ? outcome.prepared : undefined;
};
const theirs = (text: string): Outcome => attempt(() => oracle(text));

const ranges = (text: string): Set<number> =>
  new Set(
    text
      .trim()
      .split(/\s+/)
      .flatMap((range) => {
        const [first = 0, last = first] = range.split('-').map((code) => parseInt(code, 16));
        return Array.from({ length: last - first + 1 }, (_, i) => first + i);
      }),
  );

describe('what saslprep refuses', () => {
  it.each([
    ['a\u0007', /control, private or unassigned/],
    ['\ue000', /control, private or unassigned/],
    ['a\u05d0', /left-to-right and right-to-left/],
  ])('%j: it says why, and holds nothing of the text', (text, why) => {
    const outcome = attempt(() => saslprep(text, 'text', 'PLAIN'));
    expect(outcome).toEqual({ refused: expect.stringMatching(why) });
    expect('refused' in outcome && outcome.refused).not.toContain(text);
    expect('refused' in outcome && outcome.refused).toContain('RFC 4013');
  });
});

describe('saslprep', () => {
  // RFC 4013 section 3.
  it.each([
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['\x07', undefined],
    ['\u06271', undefined],
  ])('prepares %j of RFC 4013 as %j', (text, prepared) => expect(ours(text)).toBe(prepared));

  it.each([
    ['', ''],
    ['pencil', 'pencil'],
    [' a  b ', ' a  b '],
    ['!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
    ['a\u00a0b\u3000c\u1680d', 'a b c d'],
    ['a\u200bb', 'a b'],
    ['a\u200cb\u200dc\u2060d\ufe0fe\ufefff\u034f\u1806', 'abcdef'],
    ['\u00ad', ''],
    ['e\u0301\u212b\ufb01\uff21', '\u00e9\u00c5fiA'],
    ['p\u00e4ssw\u00f6rd', 'p\u00e4ssw\u00f6rd'],
    ['\u0627\u0628', '\u0627\u0628'],
    ['\u06271\u0628', '\u06271\u0628'],
    ['\u05d0 - \u05d1', '\u05d0 - \u05d1'],
    // Code points that Unicode has assigned since 3.2, as RFC 8265 has it.
    ['\u{1f600}', '\u{1f600}'],
    ['\u20bf', '\u20bf'],
    ['\u1e9e', '\u1e9e'],
  ])('prepares %j as %j', (text, prepared) => {
    expect(ours(text)).toBe(prepared);
    expect(ours(prepared)).toBe(prepared);
  });

  it.each([
    ['\0', 'a control character'],
    ['a\nb', 'a control character'],
    ['\x7f', 'a control character'],
    ['\u0085', 'a control character'],
    ['\u06dd', 'a format character'],
    ['\u180e', 'a format character'],
    ['\u2028', 'a separator of lines'],
    ['\ue000', 'a private code point'],
    ['\u{10fffd}', 'a private code point'],
    ['\ufdd0', 'a noncharacter'],
    ['\u{1ffff}', 'a noncharacter'],
    ['\ud800', 'a surrogate'],
    ['a\udc00', 'a surrogate'],
    ['\ufffd', 'a replacement character'],
    ['\ufffc', 'an object'],
    ['\u2ff0', 'an ideographic description'],
    ['\u200e', 'a mark of direction'],
    ['\u202e', 'a mark of direction'],
    ['\u{e0041}', 'a tag'],
    ['\u0378', 'an unassigned code point'],
    ['\u0627a', 'two directions'],
    ['\u0627a\u0628', 'two directions'],
    ['a\u0628', 'two directions'],
    ['1\u0628', 'right to left, from a digit'],
    ['\u0628.', 'right to left, to a full stop'],
    ['\u0628\u0651', 'right to left, to a mark'],
  ])('refuses %j: %s', (text) => expect(ours(text)).toBeUndefined());

  it('refuses with a SaslError that holds nothing of the text', () => {
    for (const text of ['hunter2\x07\u{1f511}', 'hunter2\u05d0\u{1f511}']) {
      const error = attemptError(() => saslprep(text, 'text', 'PLAIN'));
      expect(error).toBeInstanceOf(SaslError);
      expect(error).toMatchObject({ layer: 'sasl', condition: 'bad-credentials', phase: 'sasl', retryable: false });
      expect(error).not.toHaveProperty('cause');
      const shown = `${inspect(error, { depth: null })} ${JSON.stringify(error)} ${(error as Error).stack}`;
      expect(shown).not.toMatch(/hunter|2\\|\x07|\u05d0|\u{1f511}|U\+|0007|05d0|1f511/iu);
    }
  });

  it('takes time linear to the text', () => {
    const many = 20_000;
    expect(ours(`${'\u05d0'.repeat(many)}a`)).toBeUndefined();
    expect(ours('\u05d0a'.repeat(many))).toBeUndefined();
    expect(ours('\u05d0\u0651'.repeat(many))).toBeUndefined();
    expect(ours('\u00ad'.repeat(many))).toBe('');
  });
});

/**
 * The permitted differences from a table-driven library, all of them:
 *
 * 1. what Unicode 3.2 does not assign: the library refuses it, the engine's version decides here;
 * 2. text of nothing but what is mapped to nothing: the library crashes on it, here it is '';
 * 3. U+FFFFE and U+FFFFF: prohibited by RFC 3454 (table C.4), missing in the library;
 * 4. in right-to-left text, symbols, punctuation and numbers of class L (and two letters that have become marks since, U+1885
 *    and U+1886) do not count as left-to-right, so more is accepted;
 * 5. in right-to-left text, what has become a letter or spacing mark since 3.2 does count, so more is refused.
 */
const missingInLibrary = ranges('ffffe-fffff');
const leftToRightSymbols = ranges(`
  482 55a-55f 589 964-965 970 9f4-9fa b70 bf0-bf2 df4 e4f e5a-e5b f01-f0b f0d-f17 f1a-f1f f2a-f34 f36 f38 f85 fbe-fc5 fc7-fcc
  fcf 104a-104f 10fb 1361-137c 166d-166e 16eb-16ed 1735-1736 17b4-17b5 17d4-17d6 17d8-17da 1885-1886 2336-237a 2395 3190-3191
  327f 10320-10323 1d000-1d0f5 1d100-1d126 1d12a-1d15d 1d16a-1d16c 1d183-1d184 1d18c-1d1a9 1d1ae-1d1ba 1d1c1-1d1dd`);
const lettersSince = ranges('1734 2132 302e-302f');

describe('saslprep compared with @mongodb-js/saslprep', () => {
  const { stackTraceLimit } = Error;
  beforeAll(() => (Error.stackTraceLimit = 0));
  afterAll(() => (Error.stackTraceLimit = stackTraceLimit));

  const isMappedToNothing = (text: string): boolean => text !== '' && ours(text) === '';

  it('does the same with every code point that Unicode 3.2 assigns', () => {
    const wrong: string[] = [];
    let assigned = 0;
    for (let code = 0; code < 0x110000; code++) {
      // Planes 4 to 13 are unassigned, 15 and 16 are private: their first and last pages do.
      if (code >= 0x40000 && (code & 0xffff) >= 0x200 && (code & 0xffff) < 0xff00) {
        code |= 0xff00;
      }
      const text = String.fromCodePoint(code);
      const expected = theirs(text);
      if ('refused' in expected && expected.refused.startsWith('Unassigned')) {
        continue;
      }
      assigned++;
      const prepared = missingInLibrary.has(code)
        ? undefined
        : isMappedToNothing(text)
          ? ''
          : 'prepared' in expected
            ? expected.prepared
            : undefined;
      if (ours(text) !== prepared) {
        wrong.push(code.toString(16));
      }
    }
    expect(wrong).toEqual([]);
    expect(assigned).toBeGreaterThan(95_000);
  });

  it('maps to nothing exactly what table B.1 of RFC 3454 does', () => {
    const nothing: number[] = [];
    for (let code = 0; code < 0xe1000; code = code === 0xffff ? 0xe0000 : code + 1) {
      if (isMappedToNothing(String.fromCodePoint(code))) {
        nothing.push(code);
      }
    }
    // U+200B is in table C.1.2 as well, and becomes a space.
    expect(new Set(nothing)).toEqual(ranges('ad 34f 1806 180b-180d 200c-200d 2060 fe00-fe0f feff'));
  });

  it('and with every one of them inside right-to-left text', () => {
    const accepted = new Set<number>();
    const refused = new Set<number>();
    for (let code = 0; code < 0x30000; code++) {
      const c = String.fromCodePoint(code);
      // What NFKC changes is judged as what it becomes; ideographs and syllables are all alike.
      if (c.normalize('NFKC') !== c || ((code >= 0x3400 && code < 0xd7a3) || code >= 0x20000 ? code % 64 : 0)) {
        continue;
      }
      const text = `\u05d0${c}\u05d0`;
      const expected = theirs(text);
      const wanted = 'prepared' in expected ? expected.prepared : undefined;
      if (ours(text) !== wanted && !('refused' in expected && expected.refused.startsWith('Unassigned'))) {
        (wanted === undefined ? accepted : refused).add(code);
      }
    }
    expect(accepted).toEqual(leftToRightSymbols);
    expect(refused).toEqual(lettersSince);
  });

  it('and with seeded texts', () => {
    const other = new Set([...missingInLibrary, ...leftToRightSymbols, ...lettersSince]);
    const permitted = (text: string, expected: Outcome): boolean =>
      ('refused' in expected && expected.refused.startsWith('Unassigned')) ||
      isMappedToNothing(text) ||
      Array.from(text.normalize('NFKC')).some((c) => other.has(c.codePointAt(0)!));
    const character = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'azAZ09 !-\u00e4\u00df\u0301\u2168\uff21\ufb01\u00bd\u2460') },
      {
        weight: 3,
        arbitrary: fc.constantFrom(...'\u05d0\u05ea\u0627\u0628\u0651\u0661\u06f1\ufe8d\ufefb\ufb2e\ufdfa'),
      },
      { weight: 1, arbitrary: fc.constantFrom(...'\u00ad\u200b\u200d\ufeff\ufe0f\u00a0\u3000\u2003\u1680') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(...'\u0915\u094d\u4e00\u3042\uac00\u1100\u1161\u11a8\u0e01\u{20000}\u0958'),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
    );
    const scripts = [
      'abz\u00e4\u00df\u0301 1-',
      '\u05d0\u05d1\u05b0 1-\u200d',
      '\u0627\u0628\u0651\u0661\u06f1 .',
      '\uff21\u2168\u00bd\u3000',
    ];
    const text = fc.oneof(
      fc.string({ unit: character, maxLength: 10 }),
      fc.constantFrom(...scripts).chain((script) => fc.string({ unit: fc.constantFrom(...script), maxLength: 8 })),
    );
    const seen = { same: 0, refused: 0, permitted: 0 };
    fc.assert(
      fc.property(text, (any) => {
        const expected = theirs(any);
        if (permitted(any, expected)) {
          seen.permitted++;
          return;
        }
        expect(ours(any)).toBe('prepared' in expected ? expected.prepared : undefined);
        seen['prepared' in expected ? 'same' : 'refused']++;
      }),
      { seed: 4013, numRuns: 10_000 },
    );
    // The comparison compares: enough of each.
    expect(seen.same).toBeGreaterThan(3_000);
    expect(seen.refused).toBeGreaterThan(1_500);
    expect(seen.permitted).toBeLessThan(3_000);
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.string({ unit: 'grapheme', maxLength: 10 }),
        (a, b) => {
          for (const prepared of [ours(a), ours(b), ours(a + b)]) {
            expect(prepared === undefined ? undefined : ours(prepared)).toBe(prepared);
          }
        },
      ),
      { seed: 3454, numRuns: 2_000 },
    );
  });
});

function attemptError(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}
