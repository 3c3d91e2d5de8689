/** The hashes of SCRAM, in the names of RFC 5802, RFC 7677 and their successor for SHA-512. */
export type ServerHash = 'SHA-1' | 'SHA-256' | 'SHA-512';

/**
 * What the server's half of SCRAM needs. Synchronous, so that an exchange takes no time in virtual time (promises cannot be
 * virtualised).
 */
export interface ServerCrypto {
  digest(hash: ServerHash, data: Uint8Array): Uint8Array;
  hmac(hash: ServerHash, key: Uint8Array, data: Uint8Array): Uint8Array;
  pbkdf2(hash: ServerHash, password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array;
}

/** Remembers derived keys, as PBKDF2 is slow on purpose and a test starts many servers with the same few accounts. */
export function rememberKeys(crypto: ServerCrypto, limit = 256): ServerCrypto {
  const known = new Map<string, Uint8Array>();
  return {
    digest: (hash, data) => crypto.digest(hash, data),
    hmac: (hash, key, data) => crypto.hmac(hash, key, data),
    pbkdf2(hash, password, salt, iterations) {
      const id = [hash, iterations, salt.join(','), password.join(',')].join(';');
      let key = known.get(id);
      if (!key) {
        key = crypto.pbkdf2(hash, password, salt, iterations);
        // The oldest goes: a Map keeps the order of insertion.
        if (known.size >= limit) known.delete(known.keys().next().value!);
        known.set(id, key);
      }
      return key;
    },
  };
}
