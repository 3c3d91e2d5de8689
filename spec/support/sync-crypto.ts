import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { defer, of, type Observable } from 'rxjs';
import type { Crypto, HashName } from '../../lib/crypto/crypto.js';

/** Node's name of a hash. */
export const digestName = (hash: HashName) => hash.replace('-', '').toLowerCase();

/** Keys by what they were derived from: PBKDF2 is slow on purpose, and thousands of runs have the same few accounts. */
const derived = new Map<string, Buffer>();

/**
 * The crypto port over node:crypto: cold, and emitting at subscription, so that an exchange is over in one frame of virtual
 * time. Each key is derived once.
 *
 * @param random Defaults to real randomness; a spec with expected bytes gives its own.
 */
export function syncCrypto(random: (length: number) => Uint8Array = (length) => bytes(randomBytes(length))): Crypto {
  return {
    digest: (hash, data) => lazily(() => createHash(digestName(hash)).update(data).digest()),
    hmac: (hash, key, data) => lazily(() => createHmac(digestName(hash), key).update(data).digest()),
    pbkdf2: (hash, password, salt, iterations) =>
      lazily(() => {
        const id = [hash, iterations, salt.join(), password.join()].join(';');
        const known = derived.get(id);
        if (known) return known;
        const length = createHash(digestName(hash)).digest().length;
        const key = pbkdf2Sync(password, salt, iterations, length, digestName(hash));
        derived.set(id, key);
        return key;
      }),
    randomBytes: random,
  };
}

function lazily(compute: () => Buffer): Observable<Uint8Array> {
  return defer(() => of(bytes(compute())));
}

/** A Buffer is a Uint8Array, but `toEqual` tells them apart. */
function bytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
