import fc from 'fast-check';
import { decodeBase64, encodeBase64 } from '../../lib/sasl/base64.js';

describe('base64', () => {
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('RFC 4648 section 10: %j', (plain, encoded) => {
    const bytes = new Uint8Array(Buffer.from(plain));
    expect(encodeBase64(bytes)).toBe(encoded);
    expect(decodeBase64(encoded)).toEqual(bytes);
  });

  it('agrees with the platform for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const encoded = Buffer.from(bytes).toString('base64');
        expect(encodeBase64(bytes)).toBe(encoded);
        expect(decodeBase64(encoded)).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['one character', 'Z'],
    ['no padding', 'Zg'],
    ['half the padding', 'Zg='],
    ['too much padding', 'Zm9v===='],
    ['padding alone', '===='],
    ['three of padding', 'Z==='],
    ['padding inside', 'Zg==Zm9v'],
    ['one padding inside', 'Zm=v'],
    ['stray bits before ==', 'Zh=='],
    ['stray bits before =', 'Zm9='],
    ['a space', 'Zm9 '],
    ['a line feed', 'Zm9v\n'],
    ['a line feed that makes four', 'Zm9\n'],
    ['base64url', 'Zm-_'],
    ['a character beyond ASCII', 'Zm9\u0142'],
    ['a surrogate', 'Zm\u{1f600}'],
  ])('refuses %s', (_, encoded) => {
    expect(decodeBase64(encoded)).toBeUndefined();
  });

  it('decodes exactly what it would encode', () => {
    const unit = fc.constantFrom(...'AQgwz+/09=-\n é');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 9 }), (text) => {
        const bytes = decodeBase64(text);
        if (bytes) expect(encodeBase64(bytes)).toBe(text);
        else expect(Buffer.from(text, 'base64').toString('base64')).not.toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});
