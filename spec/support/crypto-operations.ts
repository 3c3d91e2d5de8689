import type { Crypto, HashName } from '../../lib/crypto/crypto.js';
import { bytes } from './sasl-context.js';

/** One of each that a crypto port does, for comparing two of them. */
export const cryptoOperations = (crypto: Crypto, hash: HashName) => ({
  digest: crypto.digest(hash, bytes('data')),
  hmac: crypto.hmac(hash, bytes('key'), bytes('data')),
  'hmac of nothing': crypto.hmac(hash, bytes('key'), bytes('')),
  pbkdf2: crypto.pbkdf2(hash, bytes('pencil'), bytes('salt'), 4096),
});
