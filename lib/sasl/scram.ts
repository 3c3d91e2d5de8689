import { catchError, concatMap, defer, forkJoin, from, map, of, tap, throwError, type Observable } from 'rxjs';
import { SaslError } from '../errors/index.js';
import { decodeBase64, encodeBase64 } from './base64.js';
import { concat, equalInConstantTime, utf8, xor } from './bytes.js';
import { channelBindingOf, unboundFlag } from './channel-binding.js';
import type { HashName } from './crypto.js';
import { offerToHash } from './downgrade-protection.js';
import type { SaslContext, SaslExchange, SaslMechanism } from './mechanism.js';
import { checkedAuthzid, preparedPassword, preparedUsername, usernameOf } from './prepare.js';
import type { ScramKeys } from './scram-key-cache.js';
import { parseServerFinal, parseServerFirst, saslname, type ServerFirst } from './scram-messages.js';

/**
 * Accepted iteration counts where nothing else is configured. Below 4096 the proof gives the password away too cheaply
 * (RFC 5802 section 5.1). A million is what servers may come to ask for in years, and takes native PBKDF2 half a second to
 * one second; more would only let a server keep the client's processor busy.
 */
export const defaultIterations = { min: 4096, max: 1_000_000 } as const;

export interface ScramConfig {
  /** Binds the exchange to the TLS connection: the -PLUS variant. `false` by default. */
  readonly plus?: boolean;
}

/**
 * SCRAM (RFC 5802, RFC 7677): `SCRAM-SHA-1`, `-256`, `-512` and their `-PLUS` variants, which bind to TLS by `tls-exporter`
 * (RFC 9266) or `tls-server-end-point` (RFC 5929).
 *
 * The server has to prove that it knows the password as well: `finish` errors before it did. An offer that was changed on
 * the way is found where the server tells its hash (XEP-0474). With `context.keys` a later exchange skips PBKDF2.
 *
 * Errors: `bad-credentials`, `bad-challenge`, `mechanisms-tampered`, `server-not-authentic`, `crypto-failed`, and what the
 * server says in `e=`.
 */
export function scram(hash: HashName, { plus = false }: ScramConfig = {}): SaslMechanism {
  const name = `SCRAM-${hash}${plus ? '-PLUS' : ''}`;
  return {
    name,
    usable: (context) =>
      usernameOf(context) !== undefined &&
      context.credentials.password !== undefined &&
      (!plus || channelBindingOf(context) !== undefined),
    start: (context) => new ScramExchange(name, hash, plus, context),
  };
}

/** What is known once the client's proof is out. */
interface Proven {
  readonly serverSignature: Uint8Array;
  /** Keeps the keys for the next connection. */
  readonly keep: () => void;
}

/** Where the exchange stands; nowhere before it begins, while a step runs, and once it has failed or was abandoned. */
type Step =
  | { readonly at: 'challenge'; readonly gs2Header: string; readonly binding: Uint8Array; readonly bare: string }
  | ({ readonly at: 'proof' | 'verified' } & Proven);

class ScramExchange implements SaslExchange {
  // Private fields, all of them: neither inspect nor JSON shows what they hold.
  readonly #name: string;
  readonly #hash: HashName;
  readonly #plus: boolean;
  readonly #context: SaslContext;
  #nonce!: string;
  #username!: string;
  #step: Step | undefined;

  constructor(name: string, hash: HashName, plus: boolean, context: SaslContext) {
    this.#name = name;
    this.#hash = hash;
    this.#plus = plus;
    this.#context = context;
  }

  initial(): Observable<Uint8Array> {
    return this.#run(() => {
      const context = this.#context;
      const binding = this.#plus ? channelBindingOf(context) : undefined;
      if (this.#plus && !binding) throw this.#error('no-mechanism', 'this connection gives no channel binding');
      const authzid = checkedAuthzid(context, this.#name);
      const flag = binding ? `p=${binding.type}` : unboundFlag(context);
      const gs2Header = `${flag},${authzid && `a=${saslname(authzid)}`},`;
      this.#username = preparedUsername(context, this.#name);
      this.#nonce = encodeBase64(context.crypto.randomBytes(24));
      const bare = `n=${saslname(this.#username)},r=${this.#nonce}`;
      this.#step = { at: 'challenge', gs2Header, binding: binding?.data ?? new Uint8Array(), bare };
      return of(utf8(gs2Header + bare));
    });
  }

  respond(challenge: Uint8Array): Observable<Uint8Array> {
    return this.#run((step) => {
      switch (step?.at) {
        case 'challenge':
          return this.#prove(step, this.#serverFirst(challenge));
        case 'proof':
          // RFC 6120 section 6.4.6 has the signature in <success/>; a server may also send it as a challenge, which is
          // answered with an empty response (RFC 4422 section 3.7).
          this.#verify(step, challenge);
          return of(new Uint8Array());
        default:
          throw this.#error('bad-challenge', 'the server sends a challenge where none is due');
      }
    });
  }

  finish(data: Uint8Array | undefined): Observable<void> {
    return this.#run((step) => {
      if (step?.at !== 'proof' && step?.at !== 'verified') {
        throw this.#error('server-not-authentic', 'the server reports success before it has proved itself');
      }
      // What came as a challenge need not come again.
      if (step.at === 'proof' || data?.length) this.#verify(step, data ?? new Uint8Array());
      return of(undefined);
    });
  }

  /** Runs one step; until it has succeeded, no other one can. */
  #run<T>(work: (step: Step | undefined) => Observable<T>): Observable<T> {
    return defer(() => {
      const step = this.#step;
      this.#step = undefined;
      return work(step);
    }).pipe(
      catchError((error: unknown) => {
        this.#step = undefined;
        // A fault of a crypto port that is not ours may hold anything, keys included: it goes no further.
        return throwError(() =>
          error instanceof SaslError ? error : this.#error('crypto-failed', 'the crypto port failed'),
        );
      }),
    );
  }

  #serverFirst(challenge: Uint8Array): ServerFirst {
    const first = parseServerFirst(challenge);
    if (typeof first === 'string') throw this.#error('bad-challenge', first);
    if (!first.nonce.startsWith(this.#nonce) || first.nonce.length === this.#nonce.length) {
      throw this.#error('bad-challenge', 'the nonce does not extend ours');
    }
    const { min, max } = this.#context.iterations;
    if (first.iterations < min || first.iterations > max) {
      throw this.#error(
        'bad-challenge',
        `the server asks for ${first.iterations} iterations of PBKDF2; ${min} to ${max} are accepted`,
      );
    }
    return first;
  }

  #prove(step: Step & { at: 'challenge' }, first: ServerFirst): Observable<Uint8Array> {
    const { crypto, credentials, keys: cache } = this.#context;
    const hash = this.#hash;
    const withoutProof = `c=${encodeBase64(concat(utf8(step.gs2Header), step.binding))},r=${first.nonce}`;
    const authMessage = utf8(`${step.bare},${first.text},${withoutProof}`);
    const id = `${hash}:${first.iterations}:${encodeBase64(first.salt)}:${this.#username}`;
    return this.#checkOffer(first).pipe(
      concatMap(() => {
        const cached = cache?.get(credentials, id);
        return cached ? of(cached) : this.#deriveKeys(first);
      }),
      concatMap((keys) =>
        from(crypto.digest(hash, keys.clientKey)).pipe(
          concatMap((storedKey) =>
            forkJoin([crypto.hmac(hash, storedKey, authMessage), crypto.hmac(hash, keys.serverKey, authMessage)]),
          ),
          map(([clientSignature, serverSignature]) => {
            this.#step = { at: 'proof', serverSignature, keep: () => cache?.set(credentials, id, keys) };
            return utf8(`${withoutProof},p=${encodeBase64(xor(keys.clientKey, clientSignature))}`);
          }),
        ),
      ),
    );
  }

  /** XEP-0474 section 5.2. The hash is worth something because the proof signs it: a relay cannot leave it out or mend it. */
  #checkOffer({ offerHash }: ServerFirst): Observable<unknown> {
    if (offerHash === undefined) return of(undefined);
    const theirs = decodeBase64(offerHash);
    return from(this.#context.crypto.digest(this.#hash, utf8(offerToHash(this.#context)))).pipe(
      tap((ours) => {
        if (!theirs || !equalInConstantTime(ours, theirs)) {
          throw this.#error(
            'mechanisms-tampered',
            'the mechanisms or channel bindings that arrived are not those the server offered (XEP-0474)',
          );
        }
      }),
    );
  }

  #deriveKeys({ salt, iterations }: ServerFirst): Observable<ScramKeys> {
    const { crypto } = this.#context;
    const hash = this.#hash;
    return defer(() => crypto.pbkdf2(hash, utf8(preparedPassword(this.#context, this.#name)), salt, iterations)).pipe(
      concatMap((salted) =>
        forkJoin({
          clientKey: crypto.hmac(hash, salted, utf8('Client Key')),
          serverKey: crypto.hmac(hash, salted, utf8('Server Key')),
        }),
      ),
    );
  }

  #verify(proven: Proven, data: Uint8Array): void {
    const final = parseServerFinal(data);
    if (final && 'error' in final) throw this.#serverError(final.error);
    if (!final || !equalInConstantTime(final.signature, proven.serverSignature)) {
      throw this.#error(
        'server-not-authentic',
        `the server's signature is ${final ? 'wrong' : 'missing'}: it does not know the password`,
      );
    }
    proven.keep();
    this.#step = { ...proven, at: 'verified' };
  }

  #serverError(value: string): SaslError {
    // A value of no known name is not repeated: it could be our own proof, sent back.
    const condition = serverErrors.get(value);
    return condition
      ? this.#error(condition, `the server says ${value}`)
      : this.#error('not-authorized', 'the server gives an unknown SCRAM error');
  }

  #error(condition: string, text: string): SaslError {
    return new SaslError({ condition, text, mechanism: this.#name });
  }
}

/** `server-error-value` of RFC 5802 section 7 in the conditions of RFC 6120 section 6.5, and ours where they say more. */
const serverErrors = new Map([
  ['invalid-encoding', 'incorrect-encoding'],
  ['extensions-not-supported', 'malformed-request'],
  ['invalid-proof', 'not-authorized'],
  // The server sees another TLS connection than we do: something between terminates TLS.
  ['channel-bindings-dont-match', 'server-not-authentic'],
  // Our flag was `y`: the server did offer -PLUS, and somebody removed it from the list.
  ['server-does-support-channel-binding', 'mechanisms-tampered'],
  ['channel-binding-not-supported', 'invalid-mechanism'],
  ['unsupported-channel-binding-type', 'invalid-mechanism'],
  ['unknown-user', 'not-authorized'],
  ['invalid-username-encoding', 'bad-credentials'],
  ['no-resources', 'temporary-auth-failure'],
  ['other-error', 'not-authorized'],
]);
