import { catchError, concatMap, defer, map, throwError, type Observable, type ObservableInput } from 'rxjs';
import { SaslError } from '../errors/index.js';
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
  const subtle = (): SubtleCrypto => {
    const found = (api ?? (globalThis.crypto as WebCryptoApi | undefined))?.subtle;
    if (!found) {
      throw new SaslError({
        condition: 'crypto-failed',
        text: 'WebCrypto is not available: browsers have it in secure contexts only (https, or localhost)',
      });
    }
    return found;
  };
  return {
    digest: (hash, data) => operation('digest', () => subtle().digest(hash, source(data))),
    hmac: (hash, key, data) =>
      operation('HMAC', () =>
        defer(() => subtle().importKey('raw', source(key), { name: 'HMAC', hash }, false, ['sign'])).pipe(
          concatMap((imported) => subtle().sign('HMAC', imported, source(data))),
        ),
      ),
    pbkdf2: (hash, password, salt, iterations) =>
      operation('PBKDF2', () =>
        defer(() => subtle().importKey('raw', source(password), 'PBKDF2', false, ['deriveBits'])).pipe(
          concatMap((imported) =>
            subtle().deriveBits(
              { name: 'PBKDF2', hash, salt: source(salt), iterations },
              imported,
              hash === 'SHA-1' ? 160 : hash === 'SHA-256' ? 256 : 512,
            ),
          ),
        ),
      ),
    randomBytes: (length) => (api ?? globalThis.crypto).getRandomValues(new Uint8Array(length)),
  };
}

function operation(name: string, run: () => ObservableInput<ArrayBuffer>): Observable<Uint8Array> {
  return defer(run).pipe(
    map((buffer) => new Uint8Array(buffer)),
    catchError((error: unknown) =>
      throwError(() =>
        error instanceof SaslError ? error : new SaslError({ condition: 'crypto-failed', text: `${name} failed` }),
      ),
    ),
  );
}

/** WebCrypto's types ask for memory that is not shared; ours never is. */
function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
