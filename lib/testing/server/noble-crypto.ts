import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { rememberKeys, type ServerCrypto } from './server-crypto.js';

const HASHES = { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-512': sha512 } as const;

/** SHA, HMAC and PBKDF2 in JavaScript: synchronous, in browsers too. Some 30 to 80 ms for a key, each derived once. */
export const nobleCrypto: ServerCrypto = /* @__PURE__ */ rememberKeys({
  digest: (hash, data) => HASHES[hash](data),
  hmac: (hash, key, data) => hmac(HASHES[hash], key, data),
  pbkdf2: (hash, password, salt, c) => pbkdf2(HASHES[hash], password, salt, { c, dkLen: HASHES[hash].outputLen }),
});
