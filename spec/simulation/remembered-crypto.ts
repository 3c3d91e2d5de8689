import type { Crypto } from '../../lib/sasl/crypto.js';
import { defer, from, of, tap } from 'rxjs';
import { syncCrypto } from '../support/sync-crypto.js';

/** Keys by what they were derived from: PBKDF2 is slow on purpose, and thousands of runs have the same few accounts. */
const known = new Map<string, Uint8Array>();

/** Node's crypto, synchronous, deriving each key once a process. */
export function rememberedCrypto(random: (length: number) => Uint8Array): Crypto {
  const crypto = syncCrypto(random);
  return {
    ...crypto,
    pbkdf2: (hash, password, salt, iterations) =>
      defer(() => {
        const id = [hash, iterations, salt.join(), password.join()].join(';');
        const key = known.get(id);
        if (key) return of(key);
        return from(crypto.pbkdf2(hash, password, salt, iterations)).pipe(tap((derived) => known.set(id, derived)));
      }),
  };
}
