import { createHash } from 'node:crypto';
import { of } from 'rxjs';
import { SaslError } from '../../lib/errors/index.js';
import type { SaslExchange } from '../../lib/sasl/mechanism.js';
import { defaultIterations, scram } from '../../lib/sasl/scram.js';
import { bytes, errorOf, saslContext, text, valueOf, type ContextInit } from '../support/sasl-context.js';
import { syncCrypto } from '../support/sync-crypto.js';

const nonce = 'fyko+d2lbbFgONRv9qkxdawL';
const full = `${nonce}3rfcNHYJY1ZVvWVs7j`;
const salt = 'QSXCR+Q6sek8bf92';
const first = `r=${full},s=${salt},i=4096`;
const final = 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=';
const crypto = syncCrypto(() => new Uint8Array(Buffer.from(nonce, 'base64')));

function started(init: ContextInit = {}): SaslExchange {
  const exchange = scram('SHA-1').start(saslContext({ crypto, ...init }));
  valueOf(exchange.initial());
  return exchange;
}

/** The same bytes as the RFC's exchange up to the client's proof. */
function proven(init: ContextInit = {}): SaslExchange {
  const exchange = started(init);
  expect(text(valueOf(exchange.respond(bytes(first))))).toMatch(/,p=v0X8v3Bz2T0CJGbJQyF0X\+HI4Ts=$/);
  return exchange;
}

function expectDead(exchange: SaslExchange): void {
  for (const last of [first, final, '']) {
    expect(errorOf(exchange.respond(bytes(last)))).toBeInstanceOf(SaslError);
    expect(errorOf(exchange.finish(bytes(last)))).toMatchObject({ condition: 'server-not-authentic' });
  }
  expect(errorOf(exchange.finish(undefined))).toMatchObject({ condition: 'server-not-authentic' });
}

describe('SCRAM against a server that breaks the rules', () => {
  describe('in its first message (A5, A6): bad-challenge, nothing derived, nothing sent', () => {
    const cases: [string, string | Uint8Array][] = [
      ['nothing', ''],
      ['no iterations', `r=${full},s=${salt},i=`],
      ['zero iterations', `r=${full},s=${salt},i=0`],
      ['one iteration', `r=${full},s=${salt},i=1`],
      ['one too few', `r=${full},s=${salt},i=4095`],
      ['one too many', `r=${full},s=${salt},i=${defaultIterations.max + 1}`],
      ['2^31', `r=${full},s=${salt},i=2147483648`],
      ['2^32 + 4096, which wraps', `r=${full},s=${salt},i=4294971392`],
      ['1e30', `r=${full},s=${salt},i=1e30`],
      ['1 and 30 zeros', `r=${full},s=${salt},i=1${'0'.repeat(30)}`],
      ['a million digits', `r=${full},s=${salt},i=${'9'.repeat(1_000_000)}`],
      ['4096x', `r=${full},s=${salt},i=4096x`],
      ['a leading zero', `r=${full},s=${salt},i=04096`],
      ['a leading plus', `r=${full},s=${salt},i=+4096`],
      ['a negative count', `r=${full},s=${salt},i=-4096`],
      ['hexadecimal', `r=${full},s=${salt},i=0x1000`],
      ['a fraction', `r=${full},s=${salt},i=4096.5`],
      ['a space', `r=${full},s=${salt},i= 4096`],
      ['Arabic digits', `r=${full},s=${salt},i=٤٠٩٦`],
      ['NaN', `r=${full},s=${salt},i=NaN`],
      ['the count twice', `r=${full},s=${salt},i=4096,i=4096`],
      ['two counts', `r=${full},s=${salt},i=4096,i=1`],
      ['the salt twice', `r=${full},s=${salt},i=4096,s=${salt}`],
      ['the nonce twice', `r=${full},r=${full},s=${salt},i=4096`],
      ['the offer hash twice', `${first},h=AAAA,h=AAAA`],
      ['an extension twice', `${first},x=1,x=2`],
      ['our nonce and no more', `r=${nonce},s=${salt},i=4096`],
      ['part of our nonce', `r=${nonce.slice(0, -1)},s=${salt},i=4096`],
      ['a foreign nonce', `r=x${full},s=${salt},i=4096`],
      ['our nonce in other letters', `r=${full.toUpperCase()},s=${salt},i=4096`],
      ['an empty nonce', `r=,s=${salt},i=4096`],
      ['a nonce with a space', `r=${full} x,s=${salt},i=4096`],
      ['a nonce with a letter beyond ASCII', `r=${full}é,s=${salt},i=4096`],
      ['a nonce with DEL', `r=${full}\x7f,s=${salt},i=4096`],
      ['salt before nonce', `s=${salt},r=${full},i=4096`],
      ['count before salt', `r=${full},i=4096,s=${salt}`],
      ['another attribute in place of the nonce', `x=${full},s=${salt},i=4096`],
      ['no nonce', `s=${salt},i=4096`],
      ['no salt', `r=${full},i=4096`],
      ['an extension before the nonce', `x=1,r=${full},s=${salt},i=4096`],
      ['an extension before the count', `r=${full},s=${salt},x=1,i=4096`],
      ['capital letters for names', `R=${full},S=${salt},I=4096`],
      ['an empty salt', `r=${full},s=,i=4096`],
      ['a salt without padding', `r=${full},s=QSXCR+Q6sek8bf9,i=4096`],
      ['a salt with stray bits', `r=${full},s=QSXCR+Q6sek8bf9=,i=4096`],
      ['a salt in base64url', `r=${full},s=QSXCR-Q6sek8bf92,i=4096`],
      ['a salt with a space', `r=${full},s=QSXCR+Q6sek8 f92,i=4096`],
      ['a mandatory extension first', `m=ext,${first}`],
      ['a mandatory extension last', `${first},m=ext`],
      ['an empty extension', `${first},`],
      ['an extension without value', `${first},x=`],
      ['an extension without name', `${first},=1`],
      ['an extension with a long name', `${first},xy=1`],
      ['an extension with NUL', `${first},x=a\0b`],
      ['a NUL at the end', `${first}\0`],
      ['a line feed at the end', `${first}\n`],
      ['a space at the start', ` ${first}`],
      ['a byte order mark', `\ufeff${first}`],
      ['the final message at once', final],
      ['an error at once', 'e=other-error'],
      ['our own first message', `n,,n=user,r=${nonce}`],
      ['base64 of the challenge', Buffer.from(first).toString('base64')],
      ['bytes that are not UTF-8', new Uint8Array([0x72, 0x3d, 0xff, 0xfe])],
      ['UTF-8 cut off', new Uint8Array([...Buffer.from(`${first},x=`), 0xc3])],
    ];
    it.each(cases)('%s', (_, challenge) => {
      const pbkdf2 = jest.fn(crypto.pbkdf2);
      const exchange = started({ crypto: { ...crypto, pbkdf2 } });
      const error = errorOf(exchange.respond(typeof challenge === 'string' ? bytes(challenge) : challenge));
      expect(error).toBeInstanceOf(SaslError);
      expect(error).toMatchObject({
        condition: 'bad-challenge',
        phase: 'sasl',
        mechanism: 'SCRAM-SHA-1',
        retryable: false,
      });
      expect((error as Error).message.length).toBeLessThan(200);
      expect(pbkdf2).not.toHaveBeenCalled();
      expectDead(exchange);
    });

    it.each([
      ['UTF-8', new Uint8Array([0xff])],
      ['list of attributes', 'hello'],
      ['twice', `${first},x=1,x=2`],
      ['extension', `m=ext,${first}`],
      ['extension', `${first},m=ext`],
      ['a nonce, a salt and a count', `s=${salt},r=${full},i=4096`],
      ['a nonce, a salt and a count', `r=${full},x=${salt},i=4096`],
      ['a nonce, a salt and a count', `r=${full}`],
      ['a nonce that does not extend ours', `r=${full}é,s=${salt},i=4096`],
      ['a nonce that does not extend ours', `r=${nonce},s=${salt},i=4096`],
      ['salt', `r=${full},s=QSXCR-Q6sek8bf92,i=4096`],
      ['no number of iterations', `r=${full},s=${salt},i=4096x`],
      ['1 iterations, not 4096 to 1000000', `r=${full},s=${salt},i=1`],
    ])('says what is wrong: %s', (words, challenge) => {
      const error = errorOf(started().respond(typeof challenge === 'string' ? bytes(challenge) : challenge));
      expect(error).toMatchObject({ text: expect.stringContaining(words) });
    });

    it('cut at every byte', () => {
      for (let length = 0; length < first.length; length++) {
        // The last cut that leaves a count leaves 409, 40 or 4: too few.
        expect(errorOf(started().respond(bytes(first.slice(0, length))))).toMatchObject({ condition: 'bad-challenge' });
      }
    });
  });

  it.each([
    ['an unknown extension', ',x=1'],
    ['several', ',x=1,y=a=b=c,Z=é'],
    ['the hash of an older XEP-0474', ',d=AAAA'],
  ])('tolerates %s after the count, and signs it', (_, extensions) => {
    const exchange = started();
    const reply = text(valueOf(exchange.respond(bytes(first + extensions))));
    expect(reply).toMatch(/^c=biws,r=[^,]+,p=[^,]+$/);
    expect(reply).not.toContain('p=v0X8v3Bz2T0CJGbJQyF0X');
  });

  it('takes the bounds of the context, both included', () => {
    const iterations = { min: 5000, max: 6000 };
    const at = (i: number) => () => valueOf(started({ iterations }).respond(bytes(`r=${full},s=${salt},i=${i}`)));
    expect(at(4999)).toThrow('5000 to 6000');
    expect(at(5000)).not.toThrow();
    expect(at(6000)).not.toThrow();
    expect(at(6001)).toThrow('5000 to 6000');
  });

  describe('in its last word (A4): server-not-authentic', () => {
    const cases: [string, string | Uint8Array][] = [
      ['empty', ''],
      ['no value', 'v='],
      ['wrong', 'v=rmF9pqV8S7suAoZWja4dJRkFsKA='],
      ['truncated in base64', 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ'],
      ['truncated in bytes', 'v=rmF9pqV8S7suAoZWja4dJRkFsA=='],
      ['one byte', 'v=rg=='],
      ['too long', 'v=rmF9pqV8S7suAoZWja4dJRkFsKQA'],
      ['stray bits', 'v=rmF9pqV8S7suAoZWja4dJRkFsKR='],
      ['a line feed', `${final}\n`],
      ['a leading space', ` ${final}`],
      ['twice', `${final},${final}`],
      ['after something else', `x=1,${final}`],
      ['under another name', final.replace('v', 'p')],
      ['the client proof sent back', 'v=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts='],
      ['the challenge sent back', first],
      ['not UTF-8', new Uint8Array([0x76, 0x3d, 0xff])],
    ];
    it.each(cases)('%s', (_, last) => {
      const data = typeof last === 'string' ? bytes(last) : last;
      for (const step of ['finish', 'respond'] as const) {
        const exchange = proven();
        expect(errorOf(exchange[step](data))).toMatchObject({
          condition: 'server-not-authentic',
          phase: 'sasl',
          mechanism: 'SCRAM-SHA-1',
        });
        // A second try does not help: nor does the right signature after a wrong one.
        expectDead(exchange);
      }
    });

    it('none at all', () => {
      const exchange = proven();
      expect(errorOf(exchange.finish(undefined))).toMatchObject({
        condition: 'server-not-authentic',
        text: expect.stringContaining('missing'),
      });
      expectDead(exchange);
    });

    it('says whether it is wrong, or missing', () => {
      const said = (last: string) => errorOf(proven().finish(bytes(last)));
      expect(said('v=AAAA')).toMatchObject({ text: expect.stringContaining('wrong') });
      expect(said('x=1')).toMatchObject({ text: expect.stringContaining('missing') });
    });

    it('every single bit of it counts', () => {
      const signature = Buffer.from(final.slice(2), 'base64');
      for (let bit = 0; bit < signature.length * 8; bit++) {
        const wrong = Buffer.from(signature);
        wrong[bit >> 3] ^= 1 << (bit & 7);
        const exchange = proven();
        expect(errorOf(exchange.finish(bytes(`v=${wrong.toString('base64')}`)))).toBeInstanceOf(SaslError);
      }
    });

    it.each([undefined, '', final, first])('success before any challenge: %j', (data) => {
      const exchange = started();
      expect(errorOf(exchange.finish(data === undefined ? undefined : bytes(data)))).toMatchObject({
        condition: 'server-not-authentic',
        text: expect.stringContaining('before proof'),
      });
      expectDead(exchange);
    });

    it('success before anything was sent', () => {
      expect(errorOf(scram('SHA-1').start(saslContext()).finish(bytes(final)))).toMatchObject({
        condition: 'server-not-authentic',
      });
    });
  });

  describe('the signature', () => {
    it('may come with success, with extensions after it', () => {
      expect(valueOf(proven().finish(bytes(`${final},x=1`)))).toBeUndefined();
    });

    it('may come as a challenge, answered with nothing; success then has no data, or the same', () => {
      for (const data of [undefined, new Uint8Array(), bytes(final)]) {
        const exchange = proven();
        expect(valueOf(exchange.respond(bytes(final)))).toEqual(new Uint8Array());
        expect(valueOf(exchange.finish(data))).toBeUndefined();
      }
    });

    it('given twice must be right twice', () => {
      const exchange = proven();
      valueOf(exchange.respond(bytes(final)));
      expect(errorOf(exchange.finish(bytes('v=AAAA')))).toMatchObject({ condition: 'server-not-authentic' });
    });

    it('ends the challenges', () => {
      const exchange = proven();
      valueOf(exchange.respond(bytes(final)));
      expect(errorOf(exchange.respond(bytes(final)))).toMatchObject({ condition: 'bad-challenge' });
      expectDead(exchange);
    });
  });

  it('a challenge before the initial response is a fault', () => {
    expect(errorOf(scram('SHA-1').start(saslContext()).respond(bytes(first)))).toMatchObject({
      condition: 'bad-challenge',
      text: expect.stringContaining('no challenge is due'),
    });
  });

  it.each([
    ['invalid-encoding', 'incorrect-encoding'],
    ['extensions-not-supported', 'malformed-request'],
    ['invalid-proof', 'not-authorized'],
    ['channel-bindings-dont-match', 'server-not-authentic'],
    ['server-does-support-channel-binding', 'mechanisms-tampered'],
    ['channel-binding-not-supported', 'invalid-mechanism'],
    ['unsupported-channel-binding-type', 'invalid-mechanism'],
    ['unknown-user', 'not-authorized'],
    ['invalid-username-encoding', 'bad-credentials'],
    ['no-resources', 'temporary-auth-failure'],
    ['other-error', 'not-authorized'],
    ['something-new', 'not-authorized'],
    ['constructor', 'not-authorized'],
  ])('e=%s is %s', (value, condition) => {
    for (const step of ['finish', 'respond'] as const) {
      const exchange = proven();
      const error = errorOf(exchange[step](bytes(`e=${value}`)));
      expect(error).toBeInstanceOf(SaslError);
      expect(error).toMatchObject({ condition, retryable: condition === 'temporary-auth-failure' });
      // The server's word is repeated where it is one of the RFC's, and may be anything else.
      const known = !['something-new', 'constructor'].includes(value);
      expect(error).toMatchObject({ text: expect.stringContaining(known ? value : 'unknown') });
      expectDead(exchange);
    }
  });

  describe('the offer and its hash (A2, XEP-0474)', () => {
    const example = {
      offered: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'],
      offeredBindings: ['tls-server-end-point', 'tls-exporter'],
    };
    const answer = (h: string, init: ContextInit = {}) =>
      started({ ...example, ...init }).respond(bytes(`${first},h=${h}`));
    const right = 'G6k/rBLDqgOhRRaCuuatSDFkJ08=';

    it('accepts the hash of the example of section 5.3, in whatever order the names came', () => {
      expect(text(valueOf(answer(right)))).toMatch(/^c=/);
    });

    it('hashes a list without channel bindings without the delimiter', () => {
      const h = createHash('sha1').update('PLAIN\x1eSCRAM-SHA-1').digest('base64');
      const alone = { offered: ['SCRAM-SHA-1', 'PLAIN'], offeredBindings: undefined };
      expect(text(valueOf(answer(h, alone)))).toMatch(/^c=/);
    });

    it.each<[string, string, ContextInit]>([
      ['a mechanism removed', right, { offered: ['SCRAM-SHA-1'] }],
      ['a mechanism added', right, { offered: [...example.offered, 'PLAIN'] }],
      ['a binding removed', right, { offeredBindings: ['tls-server-end-point'] }],
      ['all bindings removed', right, { offeredBindings: undefined }],
      ['all bindings removed but for the element', right, { offeredBindings: [] }],
      ['two names made one', right, { offered: ['SCRAM-SHA-1,SCRAM-SHA-1-PLUS'] }],
      ['a hash that is not base64', '!!!!', {}],
      ['a hash cut short', right.slice(0, 4), {}],
      ['a hash of zeros', Buffer.alloc(20).toString('base64'), {}],
    ])('%s: mechanisms-tampered, nothing derived, nothing sent', (_, h, init) => {
      const pbkdf2 = jest.fn(crypto.pbkdf2);
      expect(errorOf(answer(h, { ...init, crypto: { ...crypto, pbkdf2 } }))).toMatchObject({
        condition: 'mechanisms-tampered',
        text: expect.stringContaining('not those the server offered'),
        retryable: false,
      });
      expect(pbkdf2).not.toHaveBeenCalled();
    });
  });

  it('a crypto port that fails is crypto-failed, and its error goes no further', () => {
    const failing = {
      ...crypto,
      pbkdf2: () => {
        throw new Error('pencil');
      },
    };
    const error = errorOf(started({ crypto: failing }).respond(bytes(first)));
    expect(error).toMatchObject({ condition: 'crypto-failed', text: expect.stringContaining('crypto port') });
    expect((error as Error).cause).toBeUndefined();
    expect((error as Error).message).not.toContain('pencil');
  });

  it('a hash that is wrong only by the crypto port is found too', () => {
    const zeros = { ...crypto, digest: () => of(new Uint8Array()) };
    expect(errorOf(started({ crypto: zeros }).respond(bytes(`${first},h=AAAA`)))).toMatchObject({
      condition: 'mechanisms-tampered',
    });
  });
});
