import { catchError, concatMap, defer, from, map, type ObservableInput } from 'rxjs';
import { SaslError } from '../errors/sasl-error.js';
import type { Crypto } from './crypto.js';

/** What is needed of `globalThis.crypto`. `subtle` is absent in pages that were not loaded securely. */
export interface WebCryptoApi {
  readonly subtle?: SubtleCrypto;
  getRandomValues(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/**
 * The crypto port over WebCrypto: native, and off the main thread, in browsers and in Node. All observables are cold;
 * unsubscribing drops the result of the operation under way and starts no further one.
 *
 * They error with a `SaslError` `crypto-failed` where WebCrypto is missing or fails. Its cause is left out, and so is
 * everything that was handed over.
 *
 * @param api Defaults to `globalThis.crypto`, looked up with each operation.
 */
export function webCrypto(api?: WebCryptoApi): Crypto {
  const platform = () => api ?? (globalThis.crypto as WebCryptoApi | undefined);
  const operation = (name: string, run: (subtle: SubtleCrypto) => ObservableInput<ArrayBuffer>) =>
    defer(() => run(platform()!.subtle!)).pipe(
      map((buffer) => new Uint8Array(buffer)),
      catchError(() => {
        const missing = 'there is no WebCrypto but in secure contexts (https, or localhost)';
        throw new SaslError({ condition: 'crypto-failed', text: platform()?.subtle ? `${name} failed` : missing });
      }),
    );
  return {
    digest: (hash, data) => operation('digest', (subtle) => subtle.digest(hash, source(data))),
    hmac: (hash, key, data) =>
      operation('HMAC', (subtle) =>
        from(subtle.importKey('raw', source(key), { name: 'HMAC', hash }, false, ['sign'])).pipe(
          concatMap((imported) => subtle.sign('HMAC', imported, source(data))),
        ),
      ),
    pbkdf2: (hash, password, salt, iterations) =>
      operation('PBKDF2', (subtle) =>
        from(subtle.importKey('raw', source(password), 'PBKDF2', false, ['deriveBits'])).pipe(
          concatMap((imported) =>
            subtle.deriveBits(
              { name: 'PBKDF2', hash, salt: source(salt), iterations },
              imported,
              hash === 'SHA-1' ? 160 : Number(hash.slice(4)),
            ),
          ),
        ),
      ),
    randomBytes: (length) => platform()!.getRandomValues(new Uint8Array(length)),
  };
}

/** WebCrypto's types ask for memory that is not shared; ours never is. */
function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
