import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { bindNodeCallback } from 'rxjs';
import type { Crypto, HashName } from '../crypto.js';

const NAMES: Readonly<Record<HashName, string>> = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-512': 'sha512' };
const LENGTHS: Readonly<Record<HashName, number>> = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-512': 64 };

const derive = bindNodeCallback(pbkdf2);

/**
 * The crypto port over Node's own cryptography, which the transports of Node bring. A log-in by SCRAM is a millisecond faster than by
 * WebCrypto, which goes to another thread and back for every operation: here PBKDF2 alone does, and what is short is done at once.
 *
 * Unsubscribing from `pbkdf2` drops the key. What Node refuses (a hash that FIPS mode rules out, say) is an error of Node's own, of which `scram()`
 * makes a `SaslError` `crypto-failed`.
 */
export const nodeCrypto: Crypto = {
  digest: (hash, data) => [createHash(NAMES[hash]).update(data).digest()],
  hmac: (hash, key, data) => [createHmac(NAMES[hash], key).update(data).digest()],
  pbkdf2: (hash, password, salt, iterations) => derive(password, salt, iterations, LENGTHS[hash], NAMES[hash]),
  randomBytes,
};
