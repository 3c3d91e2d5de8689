import fc from 'fast-check';
import { asciiDomain, prepareDomain } from '../../lib/jid/domain.js';

interface Tr46 {
  toASCII(domain: string, options: object): string | null;
  toUnicode(domain: string, options: object): { domain: string; error: boolean };
}
const tr46 = jest.requireActual<Tr46>('tr46');

const refused = new Error('refused');
function prepare(text: string): string | undefined {
  try {
    return prepareDomain(text, () => {
      throw refused;
    });
  } catch (error) {
    if (error !== refused) {
      throw error;
    }
    return undefined;
  }
}

describe('a domain', () => {
  it.each([
    ['example.com', 'example.com', 'example.com'],
    ['EXAMPLE.com.', 'example.com', 'example.com'],
    ['localhost', 'localhost', 'localhost'],
    ['a', 'a', 'a'],
    ['a-b.c--d.e', 'a-b.c--d.e', 'a-b.c--d.e'],
    ['1and1.com', '1and1.com', '1and1.com'],
    ['123.example', '123.example', '123.example'],
    ['chat_server.internal', 'chat_server.internal', 'chat_server.internal'],
    ['_xmpp.example', '_xmpp.example', '_xmpp.example'],
    // U-labels and A-labels are one domain.
    ['m\u00fcnchen.example', 'm\u00fcnchen.example', 'xn--mnchen-3ya.example'],
    ['xn--mnchen-3ya.example', 'm\u00fcnchen.example', 'xn--mnchen-3ya.example'],
    ['XN--MNCHEN-3YA.example', 'm\u00fcnchen.example', 'xn--mnchen-3ya.example'],
    ['M\u00dcNCHEN.Example', 'm\u00fcnchen.example', 'xn--mnchen-3ya.example'],
    ['mu\u0308nchen.example', 'm\u00fcnchen.example', 'xn--mnchen-3ya.example'],
    // Nontransitional: IDNA2008 keeps what IDNA2003 mapped away.
    ['fa\u00df.de', 'fa\u00df.de', 'xn--fa-hia.de'],
    ['FA\u1e9e.de', 'fa\u00df.de', 'xn--fa-hia.de'],
    ['fass.de', 'fass.de', 'fass.de'],
    ['\u03b2\u03cc\u03bb\u03bf\u03c2.com', '\u03b2\u03cc\u03bb\u03bf\u03c2.com', 'xn--nxasmm1c.com'],
    ['\u0392\u038c\u039b\u039f\u03a3.com', '\u03b2\u03cc\u03bb\u03bf\u03c3.com', 'xn--nxasmq6b.com'],
    // RFC 3492 section 7.1 has these texts (Chinese, Hindi, Japanese).
    [
      '\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587',
      '\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587',
      'xn--ihqwcrb4cv8a8dqg056pqjye',
    ],
    [
      'xn--i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd',
      '\u092f\u0939\u0932\u094b\u0917\u0939\u093f\u0928\u094d\u0926\u0940\u0915\u094d\u092f\u094b\u0902\u0928\u0939\u0940\u0902\u092c\u094b\u0932\u0938\u0915\u0924\u0947\u0939\u0948\u0902',
      'xn--i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd',
    ],
    ['xn--3b-ww4c5e180e575a65lsy2b', '3\u5e74b\u7d44\u91d1\u516b\u5148\u751f', 'xn--3b-ww4c5e180e575a65lsy2b'],
    ['\uff41\uff42\uff43\u3002example\uff0e', 'abc.example', 'abc.example'],
    ['\uac00\u11ab.example', '\uac04.example', 'xn--s39a.example'],
    // Contextual rules.
    ['l\u00b7l.cat', 'l\u00b7l.cat', 'xn--ll-0ea.cat'],
    [
      '\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com',
      '\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com',
      'xn--mgba3gch31f060k.com',
    ],
    // Right to left.
    ['\u05d01.com', '\u05d01.com', 'xn--1-zhc.com'],
    // Addresses.
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['255.255.255.255.', '255.255.255.255', '255.255.255.255'],
    ['\uff11.1.1.1', '1.1.1.1', '1.1.1.1'],
    ['[::1]', '[::1]', '[::1]'],
    ['[2001:DB8:0:0::1]', '[2001:db8::1]', '[2001:db8::1]'],
    ['[::ffff:192.0.2.1]', '[::ffff:c000:201]', '[::ffff:c000:201]'],
  ])('%j is %j and in ASCII %j', (text, domain, ascii) => {
    expect(prepare(text)).toBe(domain);
    expect(asciiDomain(domain)).toBe(ascii);
    expect(prepare(domain)).toBe(domain);
    expect(prepare(ascii)).toBe(domain);
  });

  it.each([
    ['', 'empty'],
    ['.', 'the root'],
    ['a..b', 'an empty label'],
    ['.a', 'an empty label'],
    ['a..', 'two final dots'],
    ['..', 'dots alone'],
    ['\u3002\u3002', 'dots alone'],
    ['1..', 'a number and two final dots'],
    ['1.2..4', 'an empty label between numbers'],
    ['a\u3002.', 'two final dots'],
    ['ex\u00adample.com', 'a soft hyphen, which UTS #46 drops'],
    ['\ufeffexample.com', 'a byte order mark'],
    ['example\u200b.com', 'a space without width'],
    ['\u115f.com', 'a filler, which UTS #46 drops since version 16'],
    ['-a.b', 'a leading hyphen'],
    ['a-.b', 'a trailing hyphen'],
    ['-\u00fc.b', 'a leading hyphen'],
    ['\u00fc-.b', 'a trailing hyphen'],
    ['ab--c.d', 'a reserved label'],
    ['ab--\u00fc.d', 'a reserved label'],
    [`${'a'.repeat(64)}.b`, 'a label of 64 octets'],
    [`${'\u00fc'.repeat(60)}.b`, 'a label of more than 63 octets as an A-label'],
    ['a b', 'a space'],
    ['a!b', 'punctuation'],
    ['a%62c', 'an escape of URLs'],
    ['a:80', 'a port'],
    ['a@b', 'user information'],
    ['a/b', 'a path'],
    ['a?b', 'a query'],
    ['a#b', 'a fragment'],
    ['a\\b', 'a backslash'],
    ['a\tb', 'a tab, which URL parsers drop'],
    ['\u00fc\tb', 'a tab'],
    ['\u00fc%62', 'an escape'],
    ['\u00fc:80', 'a port'],
    ['\u00fc\uff05\uff16\uff12', 'a wide escape'],
    ['\u00fc\uff20b', 'a wide @'],
    ['\u2100', 'a compatibility form with a slash'],
    ['\u2488b', 'a compatibility form with a dot beside it'],
    ['xn--', 'no punycode'],
    ['xn--a', 'no punycode'],
    ['xn--\u00fc', 'an A-label beyond ASCII'],
    ['xn--a_b', 'no punycode'],
    ['xn--99999999', 'punycode beyond Unicode'],
    ['xn--abc-', 'an A-label of ASCII'],
    ['xn--mnchen-3ya-', 'no punycode'],
    ['xn--MNCHEN-3YA-.x', 'no punycode'],
    ['xn--n3h', 'the A-label of a snowman'],
    ['xn--dca', 'an A-label of upper case'],
    ['\u2603.net', 'a symbol, which IDNA2003 allowed'],
    ['\u{1f600}.net', 'an emoji'],
    ['a\u20d0b.net', 'a combining symbol of an excluded block'],
    ['\u0301a.net', 'a leading mark'],
    ['\u0378.net', 'an unassigned code point'],
    ['\ue000.net', 'a private one'],
    ['\ud800.net', 'a surrogate'],
    ['a\u00b7b.cat', 'a middle dot out of context'],
    ['l\u00b7.l', 'a middle dot whose context is another label'],
    ['\u30fb.\u30a2', 'a Katakana middle dot alone in its label'],
    ['a\u200db.net', 'a joiner'],
    ['\u05d0a.com', 'a label of two directions'],
    ['1\u05d0.com', 'a right-to-left label that begins with a digit'],
    ['\u0660\u0628.com', 'a right-to-left label that begins with a digit'],
    ['9a.\u05d0\u05d1', 'a label that begins with a digit beside a right-to-left one'],
    ['a-1.\u05d0.b-', 'a hyphen at the end'],
    ['1', 'a number'],
    ['1.2.3', 'three numbers'],
    ['1.2.3.256', 'no address'],
    ['01.2.3.4', 'an octal number'],
    ['1.2.3.4.5', 'five numbers'],
    ['example.1', 'a number for a top-level domain'],
    ['example.0x1f', 'a hexadecimal one'],
    ['\uff11.\uff12', 'two wide numbers'],
    ['\u00fc.1', 'a number for a top-level domain'],
    ['::1', 'an IPv6 address without brackets'],
    ['[]', 'no address'],
    ['[::1', 'one bracket'],
    ['[::1]:80', 'a port'],
    ['[fe80::1%25eth0]', 'a zone'],
    ['[v1.x]', 'a future address'],
    ['[1::2::3]', 'no address'],
    ['[127.0.0.1]', 'an IPv4 address in brackets'],
  ])('%j is refused: %s', (text) => expect(prepare(text)).toBeUndefined());

  it('may have labels of 63 octets, and 1023 octets in all', () => {
    expect(prepare(`${'a'.repeat(63)}.b`)).toBeDefined();
    expect(prepare('a.'.repeat(511) + 'b')).toHaveLength(1023);
    expect(prepare('a.'.repeat(511) + 'bc')).toBeUndefined();
  });
});

describe('compared with tr46', () => {
  const strict = { checkBidi: true, checkHyphens: true, checkJoiners: true };

  /**
   * What tr46 says, with what RFC 5890 has and UTS #46 leaves to its options: labels are not empty, have at most 63 octets and
   * of ASCII only letters, digits, hyphens (and `_`, our leniency).
   */
  function oracle(text: string): { domain: string; ascii: string } | undefined {
    const { domain, error } = tr46.toUnicode(text, strict);
    const ascii = tr46.toASCII(text, strict);
    const valid = !error && ascii !== null && ascii.split('.').every((label) => /^[a-z\d_-]{1,63}$/.test(label));
    return valid ? { domain, ascii } : undefined;
  }

  // Letters, marks and digits that no version of Unicode since 5.0 changed: IDNA2008 and UTS #46 agree on these.
  const scripts = [
    'abcxyzABC0189',
    '\u00fc\u00df\u00e9\u00c9\u0308\u0301\u0131ai',
    '\u03b1\u03c2\u03a3\u03ac\u0301',
    '\u0436\u0416\u0451',
    '\u05d0\u05d1\u05ea\u05b0\u05bc1',
    '\u0627\u0628\u064a\u0647\u0651\u0650\u0660\u06691',
    '\u06cc\u06a9\u06f0\u06f9\u200c',
    '\u0915\u0937\u094d\u093f\u093c\u0966\u200d\u200c',
    '\u0e01\u0e34\u0e50',
    '\u4e00\u4e8c\u3042\u30a2\uff76\uff9e\u30fc',
    '\uac00\ud7a3\u1112\u1161\u11ab',
    '\uff21\uff41\uff11',
    '\u07ca\u0710\u0780\u07a6',
    '\u{10400}\u{10428}\u{20000}',
  ];
  const character = fc.constantFrom(...scripts).chain((script) => fc.constantFrom(...script));
  const word = fc.oneof(
    ...scripts.map((script) => fc.string({ unit: fc.constantFrom(...script), minLength: 1, maxLength: 5 })),
    fc.string({ unit: character, minLength: 1, maxLength: 4 }),
    fc.string({ unit: fc.oneof(character, fc.constantFrom(...'-_1a.\u3002')), maxLength: 5 }),
  );
  const domain = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => [...words, 'com'].join('.'));
  // What punycode gives, right and wrong.
  const aLabels = domain.map((text) => tr46.toASCII(text, {}) ?? text);
  const mutated = fc
    .tuple(aLabels, fc.nat(), fc.constantFrom(...'abz09-'))
    .map(([text, at, c]) => text.slice(0, at % text.length) + c + text.slice((at % text.length) + 1));

  // Some engines' CheckJoiners knows no joining letters beyond the basic plane, and refuses them.
  const joining = /\u200c.*[\u{10000}-\u{10ffff}]|[\u{10000}-\u{10ffff}].*\u200c/u;
  // IDNA2008 asks more than UTS #46 of: Arabic-Indic digits (A.8, A.9), and these of whatever an A-label may decode to.
  const contextual = /[\u0660-\u0669].*[\u06f0-\u06f9]|[\u06f0-\u06f9].*[\u0660-\u0669]/u;
  const notIdna2008 =
    /[\p{S}\p{P}\p{No}\p{Nl}\p{Me}\u{1d100}-\u{1d24f}\u20d0-\u20ff\u302e\u302f\u3031-\u3035\u303b\u0640\u07fa\u1100-\u11ff]/u;

  const excluded = (label: string): boolean => notIdna2008.test(label.replace(/[-_.\u3007]/g, ''));

  it('seeded domains of letters, marks and digits of many scripts are the same', () => {
    let valid = 0;
    fc.assert(
      fc.property(domain, (text) => {
        const expected = oracle(text);
        const labels = expected?.domain.split('.') ?? [];
        if (labels.some((label) => contextual.test(label) || /[\u1100-\u11ff]/.test(label))) {
          // Conjoining Jamo that make no syllable are the other difference.
          expect(prepare(text)).toBeUndefined();
          return;
        }
        valid += expected ? 1 : 0;
        expect(prepare(text.replace(/\.$/, ''))).toBe(expected?.domain);
        expect(expected && asciiDomain(expected.domain)).toBe(expected?.ascii);
      }),
      { seed: 5891, numRuns: 2_500 },
    );
    expect(valid).toBeGreaterThan(600);
  });

  it('A-labels, right and mutated, are the same, but for what IDNA2008 excludes', () => {
    let valid = 0;
    fc.assert(
      fc.property(fc.oneof(aLabels, mutated), (text) => {
        const expected = oracle(text);
        const actual = prepare(text);
        if (actual !== undefined) {
          valid++;
          expect(expected?.domain).toBe(actual);
        } else if (expected) {
          // A number for a top-level domain, code points that IDNA2008 excludes, or that not every engine knows.
          const { domain } = expected;
          const other = domain
            .split('.')
            .some((label) => excluded(label) || contextual.test(label) || joining.test(label));
          expect(/\.\d+$/.test(domain) || other || Array.from(domain).some((c) => c > '\x7f' && !stable.test(c))).toBe(
            true,
          );
        }
      }),
      { seed: 3492, numRuns: 2_500 },
    );
    expect(valid).toBeGreaterThan(600);
  });

  it('every code point in the middle of a label is the same, but for what IDNA2008 excludes', () => {
    const wrong: string[] = [];
    for (let code = 0x80; code < 0x21000; code++) {
      // Ideographs and syllables are all alike.
      if ((code >= 0x4e00 && code < 0xd700) || code >= 0x20000) {
        code |= 0x3f;
      }
      const c = String.fromCodePoint(code);
      // Versions of Unicode differ on what is assigned, and so do the engine's own two copies of it.
      if (/[\p{Cn}\p{Cs}\p{Co}]/u.test(c) || !stable.test(c)) {
        continue;
      }
      const text = `a${c}b`;
      const expected = oracle(text)?.domain;
      const actual = prepare(text);
      if (actual !== (/\p{DI}/u.test(c) || excluded(expected ?? '') ? undefined : expected)) {
        wrong.push(`${code.toString(16)}: ${actual}, ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

// Blocks whose code points and mappings have been complete for long.
const stable =
  /[\u0080-\u024f\u0250-\u02af\u0370-\u03ff\u0400-\u04ff\u0590-\u05ff\u0600-\u06ff\u0900-\u0c5b\u0c5d-\u0cdb\u0cdd-\u0dff\u0e00-\u0eff\u1100-\u11ff\u1f00-\u1fff\u2000-\u206f\u2100-\u23ff\u2500-\u27bf\u3000-\u30ff\u3100-\u33ff\u4e00-\u9fa5\uac00-\ud7a3\uf900-\ufaff\ufb00-\ufb4f\ufe70-\ufeff\uff00-\uffef\u{1d400}-\u{1d7ff}\u{20000}-\u{20fff}]/u;
