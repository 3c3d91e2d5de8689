import type { ObservableInput } from 'rxjs';

export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-512';

/**
 * The crypto port: `webCrypto()` by default, or what the transport brings (`nodeCrypto`); synchronous observables in specs, so that
 * virtual time sees them.
 */
export interface Crypto {
  digest(hash: HashName, data: Uint8Array): ObservableInput<Uint8Array>;
  hmac(hash: HashName, key: Uint8Array, data: Uint8Array): ObservableInput<Uint8Array>;
  pbkdf2(hash: HashName, password: Uint8Array, salt: Uint8Array, iterations: number): ObservableInput<Uint8Array>;
  randomBytes(length: number): Uint8Array;
}
