import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { SaslError } from '../../lib/errors/index.js';
import { webCrypto, type WebCryptoApi } from '../../lib/crypto/web-crypto.js';
import { cryptoOperations as operations } from '../support/crypto-operations.js';
import { bytes, valueOf } from '../support/sasl-context.js';
import { syncCrypto } from '../support/sync-crypto.js';

describe('webCrypto', () => {
  it.each(['SHA-1', 'SHA-256', 'SHA-512'] as const)('%s: agrees with node:crypto', async (hash) => {
    const expected = operations(syncCrypto(), hash);
    for (const [name, result] of Object.entries(operations(webCrypto(), hash))) {
      expect([name, await lastValueFrom(from(result))]).toEqual([
        name,
        valueOf(expected[name as keyof typeof expected]),
      ]);
    }
  });

  it('gives random bytes', () => {
    const [a, b] = [webCrypto().randomBytes(24), webCrypto().randomBytes(24)];
    expect(a).toHaveLength(24);
    expect(a).not.toEqual(b);
  });

  const api = (subtle: object | undefined): WebCryptoApi => ({
    subtle: subtle as SubtleCrypto,
    getRandomValues: (array) => array,
  });

  it.each(['digest', 'hmac', 'pbkdf2'] as const)('%s without a secure context is crypto-failed', async (name) => {
    const error = await firstValueFrom(from(operations(webCrypto(api(undefined)), 'SHA-1')[name])).catch((e) => e);
    expect(error).toBeInstanceOf(SaslError);
    expect(error).toMatchObject({ condition: 'crypto-failed', text: expect.stringContaining('secure contexts') });
  });

  it('where there is none at all it says the same', async () => {
    const crypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
    Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
    try {
      const error = await firstValueFrom(from(webCrypto().digest('SHA-1', bytes('data')))).catch((e) => e);
      expect(error).toMatchObject({ condition: 'crypto-failed', text: expect.stringContaining('secure contexts') });
    } finally {
      Object.defineProperty(globalThis, 'crypto', crypto);
    }
  });

  it('makes keys that cannot be taken out again', async () => {
    const { subtle } = globalThis.crypto;
    const keys: CryptoKey[] = [];
    const noting = {
      importKey: async (...args: Parameters<SubtleCrypto['importKey']>) => {
        const key = await subtle.importKey(...args);
        keys.push(key);
        return key;
      },
      sign: subtle.sign.bind(subtle),
      deriveBits: subtle.deriveBits.bind(subtle),
    };
    const { hmac, pbkdf2 } = operations(webCrypto(api(noting)), 'SHA-256');
    for (const result of [hmac, pbkdf2]) await lastValueFrom(from(result));
    expect(keys.map(({ extractable, usages }) => [extractable, usages])).toEqual([
      [false, ['sign']],
      [false, ['deriveBits']],
    ]);
  });

  it.each(['digest', 'hmac', 'pbkdf2'] as const)(
    '%s that fails is crypto-failed, without what was said',
    async (name) => {
      const fail = () => Promise.reject(new Error('pencil'));
      const error = await firstValueFrom(
        from(operations(webCrypto(api({ digest: fail, importKey: fail })), 'SHA-1')[name]),
      ).catch((e) => e);
      expect(error).toBeInstanceOf(SaslError);
      expect(error.condition).toBe('crypto-failed');
      expect(error.text).toMatch(new RegExp(name, 'i'));
      expect(error.cause).toBeUndefined();
      expect(error.message).not.toContain('pencil');
    },
  );

  it('does nothing until subscribed to, and no second operation after unsubscribe', async () => {
    let imported: (key: object) => void = () => undefined;
    const key = new Promise<object>((resolve) => (imported = resolve));
    const subtle = { importKey: jest.fn(() => key), deriveBits: jest.fn() };
    const result = webCrypto(api(subtle)).pbkdf2('SHA-1', bytes('pencil'), bytes('salt'), 4096);
    expect(subtle.importKey).not.toHaveBeenCalled();
    const subscription = from(result).subscribe();
    expect(subtle.importKey).toHaveBeenCalledTimes(1);
    subscription.unsubscribe();
    imported({});
    await key;
    expect(subtle.deriveBits).not.toHaveBeenCalled();
  });
});
