import fc from 'fast-check';
import { opaqueString, usernameCaseMapped } from '../../lib/jid/precis.js';

// `undefined` for what the profile refuses.
const refuse = (): never => {
  throw refused;
};
const refused = new Error('refused');
const attempt =
  (profile: typeof opaqueString) =>
  (text: string): string | undefined => {
    try {
      return profile(text, refuse);
    } catch (error) {
      if (error !== refused) {
        throw error;
      }
      return undefined;
    }
  };
const username = attempt(usernameCaseMapped);
const opaque = attempt(opaqueString);

describe('usernameCaseMapped', () => {
  // Table 1 of RFC 8265 section 3.5, as prepared.
  it.each([
    ['juliet@example.com', 'juliet@example.com'],
    ['fussball', 'fussball'],
    ['fu\u00dfball', 'fu\u00dfball'],
    ['\u03c0', '\u03c0'],
    ['\u03a3', '\u03c3'],
    ['\u03c3', '\u03c3'],
    ['\u03c2', '\u03c2'],
  ])('prepares %j of RFC 8265 as %j', (text, prepared) => expect(username(text)).toBe(prepared));

  // Table 2, but for the empty one, which the caller refuses.
  it.each(['foo bar', 'henry\u2163', '\u221e'])('refuses %j of RFC 8265', (text) =>
    expect(username(text)).toBeUndefined(),
  );

  it.each([
    ['\uff21\uff42\uff11', 'ab1', 'wide forms'],
    ['\uff76\uff9e\uff72\uff84\uff9e', '\u30ac\u30a4\u30c9', 'narrow forms, then NFC'],
    ['E\u0301', '\u00e9', 'case, then NFC'],
    ['\u0130', 'i\u0307', 'a capital whose small letter is two code points'],
    ['\u0391\u03a3', '\u03b1\u03c3', 'capital sigma at the end of a word'],
    ['\u1e9e', '\u00df', 'capital sharp s'],
    ['\u13a0', '\uab70', 'Cherokee'],
    ['\u{10400}', '\u{10428}', 'a capital beyond the basic plane'],
  ])('maps %j to %j: %s', (text, prepared) => {
    expect(username(text)).toBe(prepared);
    expect(username(prepared)).toBe(prepared);
  });
});

describe('usernameCaseMapped and NFC', () => {
  it.each(['=\u0338', '<\u0338', 'a>\u0338', '\uff1d\u0338'])('refuses %j, which composes to a symbol', (text) => {
    expect(username(text)).toBeUndefined();
    expect(opaque(text)).toBe(text.normalize('NFC'));
  });
});

describe('opaqueString', () => {
  // Tables 3 and 4 of RFC 8265 section 4.3.
  it.each([
    ['correct horse battery staple', 'correct horse battery staple'],
    ['Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
    ['\u03c0\u00df\u00e5', '\u03c0\u00df\u00e5'],
    ['Jack of \u2666s', 'Jack of \u2666s'],
    ['foo\u1680bar', 'foo bar'],
    ['my cat is a \tby', undefined],
  ])('prepares %j of RFC 8265 as %j', (text, prepared) => expect(opaque(text)).toBe(prepared));

  it('keeps case, width and compatibility forms, and applies no Bidi rule', () => {
    for (const text of ['\uff21', '\u2163', '\ufb01', 'a\u05d0', '1\u05d0a']) {
      expect(opaque(text)).toBe(text);
    }
    expect(opaque('e\u0301')).toBe('\u00e9');
    expect(opaque('\u3000\u00a0')).toBe('  ');
  });
});

/** The derived property (RFC 8264 section 8), as literally as it is written there. */
function derivedProperty(c: string): 'PVALID' | 'FREE_PVAL' | 'CONTEXT' | 'DISALLOWED' {
  const of = (set: RegExp): boolean => set.test(c);
  if (of(/[\xdf\u03c2\u06fd\u06fe\u0f0b\u3007]/)) return 'PVALID';
  if (of(/[\xb7\u0375\u05f3\u05f4\u30fb\u0660-\u0669\u06f0-\u06f9]/)) return 'CONTEXT';
  if (of(/[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]/)) return 'DISALLOWED';
  if (of(/\p{Cn}/u) && !of(/\p{Noncharacter_Code_Point}/u)) return 'DISALLOWED';
  if (of(/[\x21-\x7e]/)) return 'PVALID';
  if (of(/\p{Join_Control}/u)) return 'CONTEXT';
  if (of(/[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]/)) return 'DISALLOWED';
  if (of(/[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u)) return 'DISALLOWED';
  if (of(/\p{Cc}/u)) return 'DISALLOWED';
  if (c.normalize('NFKC') !== c) return 'FREE_PVAL';
  if (of(/[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]/u)) return 'PVALID';
  if (of(/[\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{Sm}\p{Sc}\p{Sk}\p{So}]/u)) return 'FREE_PVAL';
  if (of(/[\p{Pc}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}]/u)) return 'FREE_PVAL';
  return 'DISALLOWED';
}

describe('the string classes', () => {
  // From the registry of RFC 8264, so that the derivation above is itself held to something.
  it.each([
    ['\u00df', 'PVALID'],
    ['\u3007', 'PVALID'],
    ['\u0f0b', 'PVALID'],
    ['\uac00', 'PVALID'],
    ['\u0301', 'PVALID'],
    ['\u30a2', 'PVALID'],
    ['\u{20000}', 'PVALID'],
    ['\u00b7', 'CONTEXT'],
    ['\u200d', 'CONTEXT'],
    ['\u0375', 'CONTEXT'],
    ['\u2163', 'FREE_PVAL'],
    ['\u01c5', 'FREE_PVAL'],
    ['\u1f88', 'FREE_PVAL'],
    ['\u212b', 'FREE_PVAL'],
    ['\u0958', 'FREE_PVAL'],
    ['\u00a0', 'FREE_PVAL'],
    ['\u221e', 'FREE_PVAL'],
    ['\u2014', 'FREE_PVAL'],
    ['\u{1f600}', 'FREE_PVAL'],
    ['\u0488', 'FREE_PVAL'],
    ['\u0640', 'DISALLOWED'],
    ['\u1100', 'DISALLOWED'],
    ['\u00ad', 'DISALLOWED'],
    ['\u115f', 'DISALLOWED'],
    ['\u200b', 'DISALLOWED'],
    ['\u2028', 'DISALLOWED'],
    ['\u0600', 'DISALLOWED'],
    ['\ufe0f', 'DISALLOWED'],
    ['\ue000', 'DISALLOWED'],
    ['\ufdd0', 'DISALLOWED'],
    ['\u{10ffff}', 'DISALLOWED'],
    ['\ud800', 'DISALLOWED'],
    ['\0', 'DISALLOWED'],
  ])('%j is %s', (c, property) => {
    expect(derivedProperty(c)).toBe(property);
    expect(opaque(c) !== undefined).toBe(property === 'PVALID' || property === 'FREE_PVAL');
    // Of the free ones some have a wide or narrow form, but none here.
    expect(username(c) !== undefined).toBe(property === 'PVALID');
  });

  it('take and refuse every code point as RFC 8264 derives, and what they take stays as it is', () => {
    const wrong: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      // Planes 4 to 13 are unassigned, 15 and 16 are private: their first and last pages do.
      if (code >= 0x40000 && (code & 0xffff) >= 0x200 && (code & 0xffff) < 0xff00) {
        code |= 0xff00;
      }
      const c = String.fromCodePoint(code);
      const property = derivedProperty(c);
      const free = opaque(c);
      // Alone, what needs context lacks it, but for digits, which only must not mix.
      const pvalid = property === 'PVALID' || (property === 'CONTEXT' && /\p{Nd}/u.test(c));
      const wide = code === 0x3000 || (code > 0xff00 && code < 0xfff0);
      const mapped = wide ? c.normalize('NFKC') : c;
      const name = username(c);
      // A digit of class AN alone breaks the Bidi rule; so does a right-to-left mark.
      const identifier = wide ? Array.from(mapped).every((m) => derivedProperty(m) === 'PVALID') : pvalid;
      if (
        (free !== undefined) !== (pvalid || property === 'FREE_PVAL') ||
        (name !== undefined) !== (identifier && !/[\u0660-\u0669\u{10d30}-\u{10d39}\u{10d40}-\u{10d49}]/u.test(c)) ||
        (free !== undefined && opaque(free) !== free) ||
        (name !== undefined && username(name) !== name)
      ) {
        wrong.push(code.toString(16));
      }
    }
    // NFC makes the Greek ano teleia a middle dot, which needs context: not idempotent if it passed (RFC 8264 section 7).
    expect(wrong).toEqual(['387']);
  });
});

describe('the contextual rules (RFC 5892 appendix A)', () => {
  it.each([
    // A.1, A.2: after a virama, whatever follows.
    ['\u0915\u094d\u200d', true],
    ['\u0915\u094d\u200c\u0937', true],
    ['\u0915\u094d\u200d\u0937\u0915\u094d\u200d', true],
    ['\u0915\u093c\u094d\u200d', true],
    ['\u0915\u200d\u0937', false],
    ['\u0915\u093c\u200d\u0937', false],
    ['\u0929\u200d', false],
    ['\u200d', false],
    ['\u200c', false],
    ['a\u200d', false],
    ['\u200d\u094d', false],
    ['\u0915\u094d\u200d\u200d', false],
    // A.1: between letters that would join, with marks on them.
    ['\u0628\u200c\u0628', true],
    ['\u0628\u0650\u200c\u0651\u0628', true],
    ['\u0628\u200c\u0627', true],
    ['\u0628\u200c\u0628\u200c\u0628', true],
    ['\u0627\u200c\u0628', false],
    ['\u0628\u200c', false],
    ['\u200c\u0628', false],
    ['\u0628\u200d\u0628', false],
    ['a\u200cb', false],
    ['\u0628\u200c\u200c\u0628', false],
    ['\u0628\u200c1', false],
    // A.3: middle dot between two l.
    ['l\u00b7l', true],
    ['l\u00b7l\u00b7l', true],
    ['\u00b7', false],
    ['l\u00b7', false],
    ['\u00b7l', false],
    ['a\u00b7l', false],
    ['l\u00b7\u00b7l', false],
    ['l\u00b7l\u00b7', false],
    // A.4: keraia before Greek.
    ['\u0375\u03b1', true],
    ['a\u0375\u03b1', true],
    ['\u0375', false],
    ['\u03b1\u0375', false],
    ['\u0375a', false],
    ['\u0375\u03b1\u0375', false],
    // A.5, A.6: geresh and gershayim after Hebrew.
    ['\u05d0\u05f3', true],
    ['\u05d0\u05f4\u05d1', true],
    ['\u05f3\u05d0', false],
    ['\u05f4', false],
    ['\u05d0-\u05f3', false],
    // A.7: Katakana middle dot somewhere beside Japanese.
    ['\u30fb\u30a2', true],
    ['a\u30fb\u3042', true],
    ['\u4e00a\u30fb', true],
    ['\u30fb', false],
    ['a\u30fbb', false],
    // A.8, A.9: Arabic-Indic and extended digits do not mix.
    ['\u0628\u0660', true],
    ['\u0628\u06f0', true],
    ['\u0628\u0660\u06f0', false],
    ['\u0628\u06f0\u0628\u0669', false],
  ])('%j: %p', (text, allowed) => {
    expect(username(text) !== undefined).toBe(allowed);
    expect(opaque(text) !== undefined).toBe(allowed);
  });

  it('hold for what is not composed yet, too', () => {
    expect(username('\u{11935}\u{11930}\u{1193e}\u200d')).toBeDefined();
    // L is lower case by the time the rule is asked (RFC 8265 section 3.3.3).
    expect(username('L\u00b7L')).toBe('l\u00b7l');
    expect(opaque('L\u00b7L')).toBeUndefined();
  });
});

describe('the Bidi rule (RFC 5893) on local parts', () => {
  it.each([
    ['\u05d0', true],
    ['\u05d0\u05d1', true],
    ['\u0628\u0660', true],
    ['\u05d01', true],
    ['\u05d0-\u05d1', true],
    ['\u05d0\u05b0', true],
    ['\u05d01\u05b0', true],
    ['\u0628\u06f1', true],
    ['\u0780\u07a6', true],
    ['\u{1e922}\u{1e950}', true],
    // 1: begins with neither L nor R nor AL.
    ['1\u05d0', false],
    ['\u0660\u0628', false],
    ['-\u05d0', false],
    ['\u05b0\u05d0', false],
    // 2, 5: both directions.
    ['\u05d0a', false],
    ['\u05d0a\u05d1', false],
    ['a\u05d0', false],
    ['a\u0628b', false],
    ['a\u0660', false],
    // 3: ends with something else.
    ['\u05d0-', false],
    ['\u05d0!', false],
    ['\u05d0-\u05b0', false],
    // 4: European and Arabic digits.
    ['\u06281\u0660', false],
    // Without right-to-left characters it does not apply.
    ['1a', true],
    ['-', true],
    ['a!', true],
  ])('%j: %p', (text, allowed) => expect(username(text) !== undefined).toBe(allowed));

  it('is judged in time linear to the text', () => {
    const long = ('\u05d0' + '\u05b0'.repeat(20)).repeat(2_000);
    expect(username(`${long}a`)).toBeUndefined();
    expect(username(`${long}-`)).toBeUndefined();
    expect(username(long)).toBe(long);
  });
});

describe('both profiles', () => {
  it('are idempotent', () => {
    const character = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      fc.constantFrom(
        ...'aZ=<\u0338\u0130\u03a3\u0345\u0308\u0301\uff21\uff9e\uff76\u05d0\u0628\u0651\u0915\u094d\u200c\u200dl\u00b7',
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        for (const profile of [username, opaque]) {
          const prepared = profile(text);
          if (prepared !== undefined && profile(prepared) !== prepared) return false;
        }
        return true;
      }),
      { seed: 8265, numRuns: 5_000 },
    );
  });
});
