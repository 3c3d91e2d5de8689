import fc from 'fast-check';
import { JidError } from '../../lib/errors/index.js';
import { bareOf, jid, Jid } from '../../lib/jid/index.js';

/** The part that the error names, `undefined` where the text is a JID. */
function faultOf(text: string): string | undefined {
  try {
    jid(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof JidError)) {
      throw error;
    }
    return error.part;
  }
}

const parts = (text: string): unknown[] => {
  const { local, domain, resource } = jid(text);
  return [local, domain, resource];
};

describe('jid', () => {
  // Table 1 of RFC 7622 section 3.5, each with its prepared form.
  it.each([
    ['juliet@example.com', ['juliet', 'example.com', undefined]],
    ['juliet@example.com/foo', ['juliet', 'example.com', 'foo']],
    ['juliet@example.com/foo bar', ['juliet', 'example.com', 'foo bar']],
    ['juliet@example.com/foo@bar', ['juliet', 'example.com', 'foo@bar']],
    ['foo\\20bar@example.com', ['foo\\20bar', 'example.com', undefined]],
    ['fussball@example.com', ['fussball', 'example.com', undefined]],
    ['fu\u00dfball@example.com', ['fu\u00dfball', 'example.com', undefined]],
    ['\u03c0@example.com', ['\u03c0', 'example.com', undefined]],
    ['\u03a3@example.com/foo', ['\u03c3', 'example.com', 'foo']],
    ['\u03c3@example.com/foo', ['\u03c3', 'example.com', 'foo']],
    ['\u03c2@example.com/foo', ['\u03c2', 'example.com', 'foo']],
    ['king@example.com/\u265a', ['king', 'example.com', '\u265a']],
    ['example.com', [undefined, 'example.com', undefined]],
    ['example.com/foobar', [undefined, 'example.com', 'foobar']],
    ['a.example.com/b@example.net', [undefined, 'a.example.com', 'b@example.net']],
  ])('takes %j of RFC 7622 as %j', (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  // Table 2. Example 18, a resource that begins with a space, is missing: no rule forbids it (OpaqueString maps spaces and
  // trims none), and erratum 4560 says so.
  it.each([
    ['"juliet"@example.com', 'local'],
    ['foo bar@example.com', 'local'],
    ['@example.com/', 'local'],
    ['henry\u2163@example.com', 'local'],
    ['\u265a@example.com', 'local'],
    ['juliet@', 'domain'],
    ['/foobar', 'domain'],
  ])('refuses %j of RFC 7622 for its %s part', (text, part) => {
    expect(faultOf(text)).toBe(part);
  });

  it('keeps spaces at the ends of a resource', () => {
    expect(jid('juliet@example.com/ foo ').resource).toBe(' foo ');
  });

  describe('splits', () => {
    it.each([
      ['a@b/c/d', ['a', 'b', 'c/d']],
      ['a/b@c/d', [undefined, 'a', 'b@c/d']],
      ['a@b//', ['a', 'b', '/']],
      ['a@b/@', ['a', 'b', '@']],
      ['a//@', [undefined, 'a', '/@']],
    ])('%j at the first slash, then at the first @', (text, expected) => expect(parts(text)).toEqual(expected));

    it.each([
      ['', 'domain'],
      ['@', 'local'],
      ['/', 'domain'],
      ['@/', 'local'],
      ['@b', 'local'],
      ['a@b/', 'resource'],
      ['b/', 'resource'],
      ['a@/c', 'domain'],
      ['.', 'domain'],
      ['a@.', 'domain'],
      ['a@b@c', 'domain'],
    ])('%j: the %s part is at fault', (text, part) => expect(faultOf(text)).toBe(part));

    it('before any mapping: what becomes a separator is none', () => {
      expect(faultOf('a\uff20b.example')).toBe('domain');
      expect(faultOf('a\ufe6bb.example')).toBe('domain');
      expect(faultOf('a\uff20b@example')).toBe('local');
      expect(faultOf('a\uff0fb@example')).toBe('local');
      expect(faultOf('example\uff0fr')).toBe('domain');
      expect(faultOf('\u2100.example')).toBe('domain');
      expect(jid('a@b/\uff0f').resource).toBe('\uff0f');
    });
  });

  it.each(['"', '&', "'", ':', '<', '>', ' ', '\t', '\0', '\x7f', '\n'])('refuses %j in a local part', (c) => {
    expect(faultOf(`a${c}b@example`)).toBe('local');
    expect(faultOf(`\u00e9${c}@example`)).toBe('local');
  });

  it.each(['\uff02', '\uff06', '\uff07', '\uff1a', '\uff1c', '\uff1e'])(
    'refuses %j, whose ordinary form is excluded',
    (c) => {
      expect(faultOf(`a${c}b@example`)).toBe('local');
    },
  );

  it('takes every other printable ASCII character in a local part', () => {
    const text = '!#$%()*+,-.0123456789;=?ABCXYZ[\\]^_`abcxyz{|}~';
    expect(jid(`${text}@example`).local).toBe(text.toLowerCase());
  });

  it.each([
    '\0',
    '\t',
    '\r',
    '\n',
    '\x1b',
    '\x7f',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\ue000',
    '\ud83d',
    '\udc00',
    '\uffff',
  ])('refuses %j in every part', (c) => {
    expect(faultOf(`a${c}@example`)).toBe('local');
    expect(faultOf(`a@example/b${c}`)).toBe('resource');
    expect(faultOf(`a@exam${c}ple`)).toBe('domain');
  });

  describe('bounds each part at 1023 octets', () => {
    const label = `${'a'.repeat(62)}.`;
    const e = '\u00e9';
    it.each([
      ['local', 'a'.repeat(1023) + '@b', 'a'.repeat(1024) + '@b'],
      ['local', e.repeat(511) + 'a@b', e.repeat(512) + '@b'],
      ['domain', label.repeat(16) + 'b'.repeat(15), label.repeat(16) + 'b'.repeat(16)],
      ['domain', `${e.repeat(20)}.`.repeat(24) + e.repeat(19) + 'a', `${e.repeat(20)}.`.repeat(24) + e.repeat(20)],
      ['resource', 'b/' + 'a'.repeat(1023), 'b/' + 'a'.repeat(1024)],
      ['resource', 'b/' + '\u265a'.repeat(341), 'b/' + '\u265a'.repeat(341) + 'a'],
      ['resource', 'b/' + '\u{1f600}'.repeat(255), 'b/' + '\u{1f600}'.repeat(256)],
    ])('%s', (part, within, above) => {
      expect(faultOf(within)).toBeUndefined();
      expect(faultOf(above)).toBe(part);
    });

    it('measured as prepared: 1530 units of UTF-16 may be 1020 octets', () => {
      expect(faultOf('u\u0308\u0304'.repeat(510) + '@b')).toBeUndefined();
      expect(faultOf('u\u0308\u0304'.repeat(512) + '@b')).toBe('local');
    });

    it('before any work: a megabyte takes no longer than its length', () => {
      for (const text of ['\u4e00', 'a', 'a.', 'a-', '\u0628\u200c', '\u0915\u094d\u200d', 'xn--']) {
        const long = text.repeat(2 ** 20 / text.length);
        expect(faultOf(long)).toBe('domain');
        expect(faultOf(`${long}@b`)).toBe('local');
        expect(faultOf(`b/${long}`)).toBe('resource');
      }
    });
  });

  it('says in a sentence which part is at fault and why, and shows no character as it is', () => {
    expect(() => jid('foo bar@example.com')).toThrow(new JidError('local', 'the local part of the JID holds U+0020'));
    expect(() => jid('a@b/\u202e')).toThrow('the resource part of the JID holds U+202E');
    expect(() => jid('juliet@')).toThrow('the domain part of the JID is empty');
    expect(() => jid('a@b c')).toThrow('the domain part of the JID holds U+0020');
  });
});

describe('Jid', () => {
  const full = jid('Alice@Example.ORG/Phone');

  it('gives its prepared text', () => {
    expect(full.toString()).toBe('alice@example.org/Phone');
    expect(`${jid('A.B')}`).toBe('a.b');
    expect(JSON.stringify({ from: full })).toBe('{"from":"alice@example.org/Phone"}');
  });

  it('bare() and withResource() change the resource alone', () => {
    expect(full.bare().toString()).toBe('alice@example.org');
    expect(full.bare().bare()).toEqual(full.bare());
    expect(full.withResource('a/b@c').toString()).toBe('alice@example.org/a/b@c');
    expect(full.withResource(undefined).equals(full.bare())).toBe(true);
    expect(() => full.withResource('')).toThrow(JidError);
    expect(() => full.withResource('\t')).toThrow('the resource part');
    expect(full.toString()).toBe('alice@example.org/Phone');
  });

  it('equals() compares prepared forms, with the resource', () => {
    expect(full.equals(jid('ALICE@example.org./Phone'))).toBe(true);
    expect(full.equals(jid('alice@example.org/phone'))).toBe(false);
    expect(full.equals(full.bare())).toBe(false);
    expect(full.equals(jid('example.org/Phone'))).toBe(false);
    expect(full.equals(undefined)).toBe(false);
    expect(jid('e\u0301@a').equals(jid('\u00c9@a'))).toBe(true);
  });

  it('of() takes parts, where separators need no care', () => {
    expect(Jid.of('Alice', 'Example.org', 'a@b/c').toString()).toBe('alice@example.org/a@b/c');
    expect(Jid.of(undefined, 'example.org').toString()).toBe('example.org');
    expect(() => Jid.of('a@b', 'example.org')).toThrow('the local part');
    expect(() => Jid.of('a/b', 'example.org')).toThrow('the local part');
    expect(() => Jid.of('a', 'example.org/b')).toThrow('the domain part');
    expect(() => Jid.of('', 'example.org')).toThrow('the local part');
    expect(() => Jid.of('a', '')).toThrow('the domain part');
    expect(() => Jid.of('a', 'b', '')).toThrow('the resource part');
  });

  it('gives the domain in A-labels', () => {
    expect(jid('a@m\u00fcnchen.example/r').asciiDomain).toBe('xn--mnchen-3ya.example');
    expect(full.asciiDomain).toBe('example.org');
    expect(jid('[::1]').asciiDomain).toBe('[::1]');
  });
});

describe('bareOf', () => {
  it.each([
    ['a@b/c', 'a@b'],
    ['a@b', 'a@b'],
    ['b/c/d', 'b'],
    ['b/a@c', 'b'],
    ['', ''],
  ])('%j is %j', (text, bare) => expect(bareOf(text)).toBe(bare));
});

describe('any text', () => {
  // Of what JIDs are made of, of what breaks them, and of anything.
  const character = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...'aAzZ09.-_@/[]:%#?\\ "&xn') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...'\u00e9\u00df\u1e9e\u0130\u03a3\u03c2\u0301\u0308\uff21\uff0e\u3002\uff61\u00ad'),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...'\u05d0\u0628\u0660\u06f0\u0651\u200c\u200d\u0915\u094d\u00b7\u30fb\u30a2\u05f3'),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.constantFrom('xn--', '\ud800', '\udfff', '\u{1f600}', '::1', '127.0.0.1') },
  );
  const text = fc.string({ unit: character, maxLength: 24 });
  // Words of one script, so that many addresses are valid, too.
  const word = fc
    .constantFrom(
      'abzAZ019',
      '\u00e9\u00df\u1e9e\u00d1\u0130n\u0308\u0303',
      '\u03a3\u03c2\u03c3\u0391',
      '\u05d0\u05e91',
      '\u0628\u064a\u200c\u0660',
      '\uac00\u30a2\u4e00\uff76\uff9e',
      '\uff21\uff4ca',
    )
    .chain((letters) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 6 }));
  const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
  const part = fc.oneof(text, name);
  const address = fc
    .tuple(part, part, part)
    .map(([local, domain, resource]) => `${local && `${local}@`}${domain}${resource && `/${resource}`}`);
  const options = { seed: 7622, numRuns: 4_000 };

  it('is a JID or a JidError', () => {
    fc.assert(
      fc.property(fc.oneof(text, address), (any) => {
        faultOf(any);
      }),
      options,
    );
  });

  it('once prepared stays as it is', () => {
    let valid = 0;
    fc.assert(
      fc.property(address, (any) => {
        if (faultOf(any) === undefined) {
          valid++;
          const prepared = jid(any);
          const again = jid(prepared.toString());
          expect(again).toEqual(prepared);
          expect(again.equals(prepared)).toBe(true);
          expect(again.asciiDomain).toBe(prepared.asciiDomain);
          // The A-label form is another spelling of the same address.
          expect(Jid.of(prepared.local, prepared.asciiDomain, prepared.resource)).toEqual(prepared);
        }
      }),
      options,
    );
    expect(valid).toBeGreaterThan(300);
  });

  it('has one address however it is composed', () => {
    fc.assert(
      fc.property(address, (any) => {
        // But for Hangul, of which the decomposed form is in no class (RFC 8264 section 9.9).
        if (faultOf(any) === undefined && !/[\uac00-\ud7a3]/.test(any.normalize('NFKC'))) {
          const { local, domain, resource } = jid(any);
          expect(Jid.of(local?.normalize('NFD'), domain.normalize('NFD'), resource?.normalize('NFD'))).toEqual(
            jid(any),
          );
        }
      }),
      options,
    );
  });
});
