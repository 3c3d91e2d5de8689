import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { firstValueFrom } from 'rxjs';
import type { HashName } from '../../lib/crypto/crypto.js';
import { scram } from '../../lib/sasl/scram.js';
import { webCrypto } from '../../lib/crypto/web-crypto.js';
import { bytes, saslContext, text, valueOf } from '../support/sasl-context.js';
import { digestName, syncCrypto } from '../support/sync-crypto.js';

interface Vector {
  readonly source: string;
  readonly hash: HashName;
  readonly nonce: string;
  readonly clientFirst: string;
  readonly serverFirst: string;
  readonly clientFinal: string;
  readonly serverFinal: string;
}

const published: Vector[] = [
  {
    source: 'RFC 5802 section 5',
    hash: 'SHA-1',
    nonce: 'fyko+d2lbbFgONRv9qkxdawL',
    clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    clientFinal: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    source: 'RFC 7677 section 3',
    hash: 'SHA-256',
    nonce: 'rOprNGfwEbeRWgbNEkqO',
    clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    clientFinal:
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
];

/** SCRAM as RFC 5802 section 3 writes it down, by node:crypto, for the hashes and bindings that no RFC has an example of. */
function computed(source: string, hash: HashName, gs2: string, binding = Buffer.alloc(0)): Vector {
  const name = digestName(hash);
  const hmac = (key: Buffer, data: string) => createHmac(name, key).update(data).digest();
  const nonce = 'rOprNGfwEbeRWgbNEkqO';
  const salt = Buffer.from('5b6d99689d12358eeca04b141236fa81', 'hex');
  const full = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
  const serverFirst = `r=${full},s=${salt.toString('base64')},i=4096`;
  const withoutProof = `c=${Buffer.concat([Buffer.from(gs2), binding]).toString('base64')},r=${full}`;
  const auth = `n=user,r=${nonce},${serverFirst},${withoutProof}`;
  const salted = pbkdf2Sync('pencil', salt, 4096, createHash(name).digest().length, name);
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash(name).update(clientKey).digest(), auth);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
  return {
    source,
    hash,
    nonce,
    clientFirst: `${gs2}n=user,r=${nonce}`,
    serverFirst,
    clientFinal: `${withoutProof},p=${proof.toString('base64')}`,
    serverFinal: `v=${hmac(hmac(salted, 'Server Key'), auth).toString('base64')}`,
  };
}

const exporter = Buffer.from('8f'.repeat(32), 'hex');
const endPoint = createHash('sha256').update('a certificate').digest();
const random = (nonce: string) => () => new Uint8Array(Buffer.from(nonce, 'base64'));

describe('SCRAM vectors', () => {
  it('the computation of this spec agrees with RFC 7677', () => {
    expect(computed(published[1].source, 'SHA-256', 'n,,')).toEqual(published[1]);
  });

  it.each([...published, computed('computed', 'SHA-512', 'n,,')])('$hash: $source', (vector) => {
    const exchange = scram(vector.hash).start(saslContext({ crypto: syncCrypto(random(vector.nonce)) }));
    expect(text(valueOf(exchange.initial()))).toBe(vector.clientFirst);
    expect(text(valueOf(exchange.respond(bytes(vector.serverFirst))))).toBe(vector.clientFinal);
    expect(valueOf(exchange.finish(bytes(vector.serverFinal)))).toBeUndefined();
  });

  it.each(['SHA-1', 'SHA-256', 'SHA-512'] as const)(
    'SCRAM-%s-PLUS binds by tls-exporter and tls-server-end-point',
    (hash) => {
      for (const [type, data] of [
        ['tls-exporter', exporter],
        ['tls-server-end-point', endPoint],
      ] as const) {
        const vector = computed(type, hash, `p=${type},,`, data);
        const context = saslContext({
          crypto: syncCrypto(random(vector.nonce)),
          bindings: { [type]: new Uint8Array(data) },
        });
        const exchange = scram(hash, { plus: true }).start(context);
        expect(text(valueOf(exchange.initial()))).toBe(vector.clientFirst);
        expect(text(valueOf(exchange.respond(bytes(vector.serverFirst))))).toBe(vector.clientFinal);
        expect(valueOf(exchange.finish(bytes(vector.serverFinal)))).toBeUndefined();
      }
    },
  );

  it.each([...published, computed('computed', 'SHA-512', 'n,,')])('$hash by WebCrypto', async (vector) => {
    const crypto = { ...webCrypto(), randomBytes: random(vector.nonce) };
    const exchange = scram(vector.hash).start(saslContext({ crypto }));
    expect(text(await firstValueFrom(exchange.initial()))).toBe(vector.clientFirst);
    expect(text(await firstValueFrom(exchange.respond(bytes(vector.serverFirst))))).toBe(vector.clientFinal);
    expect(await firstValueFrom(exchange.finish(bytes(vector.serverFinal)))).toBeUndefined();
  });
});
