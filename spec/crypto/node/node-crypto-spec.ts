import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import type { Crypto } from '../../../lib/crypto/crypto.js';
import { nodeCrypto } from '../../../lib/crypto/node/node-crypto.js';
import { webCrypto } from '../../../lib/crypto/web-crypto.js';
import { SaslError } from '../../../lib/errors/index.js';
import { scram } from '../../../lib/sasl/scram.js';
import { tcp, websocket } from '../../../lib/transport/node/index.js';
import { cryptoOperations as operations } from '../../support/crypto-operations.js';
import { bytes, saslContext, text, valueOf } from '../../support/sasl-context.js';

describe('nodeCrypto', () => {
  it.each(['SHA-1', 'SHA-256', 'SHA-512'] as const)('%s: agrees with WebCrypto', async (hash) => {
    const expected = operations(webCrypto(), hash);
    for (const [name, result] of Object.entries(operations(nodeCrypto, hash))) {
      const key = await lastValueFrom(from(expected[name as keyof typeof expected]));
      expect([name, [...(await lastValueFrom(from(result)))]]).toEqual([name, [...key]]);
    }
  });

  it('gives random bytes', () => {
    const [a, b] = [nodeCrypto.randomBytes(24), nodeCrypto.randomBytes(24)];
    expect(a).toHaveLength(24);
    expect(a).not.toEqual(b);
  });

  it('does what is short at once, and PBKDF2 elsewhere, from when it is subscribed to', async () => {
    const told: string[] = [];
    const { digest, hmac, pbkdf2 } = operations(nodeCrypto, 'SHA-1');
    from(digest).subscribe(() => told.push('digest'));
    from(hmac).subscribe(() => told.push('hmac'));
    const derived = firstValueFrom(from(pbkdf2)).then(() => told.push('pbkdf2'));
    told.push('subscribed');
    await derived;
    expect(told).toEqual(['digest', 'hmac', 'subscribed', 'pbkdf2']);
  });

  it('drops the key of who has unsubscribed', async () => {
    const told = jest.fn();
    from(nodeCrypto.pbkdf2('SHA-1', bytes('pencil'), bytes('salt'), 1))
      .subscribe(told)
      .unsubscribe();
    await firstValueFrom(from(nodeCrypto.pbkdf2('SHA-1', bytes('pencil'), bytes('salt'), 4096)));
    expect(told).not.toHaveBeenCalled();
  });

  it('where Node refuses, scram() says crypto-failed, without what Node says', async () => {
    const refusing: Crypto = {
      ...nodeCrypto,
      pbkdf2: (hash, password, salt) => nodeCrypto.pbkdf2(hash, password, salt, -4711),
    };
    const exchange = scram('SHA-1').start(saslContext({ crypto: refusing }));
    const nonce = /r=(.*)/.exec(text(valueOf(exchange.initial()))!)![1]!;
    const challenge = bytes(`r=${nonce}+,s=QSXCR+Q6sek8bf92,i=4096`);
    const error = (await firstValueFrom(from(exchange.respond(challenge))).catch((e) => e)) as SaslError;
    expect(error).toBeInstanceOf(SaslError);
    expect([error.condition, error.cause]).toEqual(['crypto-failed', undefined]);
    expect(error.message).not.toContain('4711');
  });

  it('comes with the transports of Node', () => {
    expect(tcp().crypto).toBe(nodeCrypto);
    expect(websocket().crypto).toBe(nodeCrypto);
  });
});
