import { catchError, concatMap, defer, forkJoin, from, map, of, tap, type Observable } from 'rxjs';
import { SaslError } from '../errors/sasl-error.js';
import { decodeBase64, encodeBase64 } from './base64.js';
import { equalInConstantTime, NOTHING, utf8, xor } from './bytes.js';
import { channelBindingOf, unboundFlag } from './channel-binding.js';
import type { HashName } from '../crypto/crypto.js';
import { offerToHash } from './downgrade-protection.js';
import { fault } from './fault.js';
import type { SaslContext, SaslExchange, SaslMechanism } from './mechanism.js';
import { mechanismOf, needsPassword } from './needs.js';
import { checkedAuthzid, prepared, usernameOf } from './prepare.js';
import type { ScramKeys } from './scram-key-cache.js';
import { attributeList, saslname } from './scram-messages.js';

/**
 * Accepted iteration counts where nothing else is configured. Below 4096 the proof gives the password away too cheaply
 * (RFC 5802 section 5.1). A million is what servers may come to ask for in years, and takes native PBKDF2 half a second to
 * one second; more would only let a server keep the client's processor busy.
 */
export const defaultIterations = { min: 4096, max: 1_000_000 };

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
  return mechanismOf(
    name,
    (context) => needsPassword(context) || (plus && !channelBindingOf(context) ? 'channel binding' : ''),
    (context) => scramExchange(name, hash, plus, context),
  );
}

/** What may come next; nothing before the exchange begins, while a step runs, and once it has failed or was abandoned. */
interface Next {
  readonly respond?: (challenge: Uint8Array) => Observable<Uint8Array>;
  readonly finish?: (data?: Uint8Array) => void;
}

// Closures in place of fields: neither inspect nor JSON shows what they hold.
function scramExchange(name: string, hash: HashName, plus: boolean, context: SaslContext): SaslExchange {
  const { crypto, credentials, keys: cache } = context;
  let next: Next = {};

  const fail = (condition: string, text: string): never => {
    throw fault(condition, text, name);
  };

  /** Runs one step; until it has succeeded, no other one can. */
  const step = <T>(work: (due: Next) => Observable<T>): Observable<T> =>
    defer(() => {
      const due = next;
      next = {};
      return work(due);
    }).pipe(
      catchError((error: unknown) => {
        // A fault of a crypto port that is not ours may hold anything, keys included: it goes no further.
        throw error instanceof SaslError ? error : fault('crypto-failed', 'the crypto port failed', name);
      }),
    );

  const hmac = (key: Uint8Array, data: Uint8Array) => crypto.hmac(hash, key, data);

  /** Answers the server's first message. Extensions after the iteration count are ignored, as section 5.1 asks, but for `m`. */
  const prove = (challenge: Uint8Array, gs2: Uint8Array, bare: string, username: string, ours: string) => {
    const text = attributeList(challenge);
    const [, nonce = '', salt64 = '', i] = /^r=([^,]+),s=([^,]+),i=([^,]+)/.exec(text) ?? [];
    const offerHash = /,h=([^,]+)/.exec(text)?.[1];
    const salt = decodeBase64(salt64);
    const { min, max } = context.iterations;
    // Bounded so that it is exact as a number.
    const iterations = Number(/^[1-9]\d{0,14}$/.exec(i ?? '')?.[0]);
    const wrong = !text
      ? 'is no list of attributes in UTF-8, none twice'
      : /(^|,)m=/.test(text)
        ? 'has an unknown extension'
        : !nonce
          ? 'is not a nonce, a salt and a count'
          : !nonce.startsWith(ours) || nonce === ours || !/^[!-~]+$/.test(nonce)
            ? 'has a nonce that does not extend ours'
            : !salt
              ? 'has a salt that is no base64'
              : !(iterations >= min && iterations <= max) &&
                `has ${iterations || 'no number of'} iterations, not ${min} to ${max}`;
    if (wrong) fail('bad-challenge', `the challenge ${wrong}`);

    const withoutProof = `c=${encodeBase64(gs2)},r=${nonce}`;
    const authMessage = utf8(`${bare},${text},${withoutProof}`);
    const id = `${hash}:${iterations}:${salt64}:${username}`;
    return checkOffer(offerHash).pipe(
      concatMap((): Observable<ScramKeys> => {
        const cached = cache?.get(credentials, id);
        if (cached) return of(cached);
        const password = utf8(prepared(credentials.password, 'password', name));
        return from(crypto.pbkdf2(hash, password, salt!, iterations)).pipe(
          concatMap((salted) =>
            forkJoin({ clientKey: hmac(salted, utf8('Client Key')), serverKey: hmac(salted, utf8('Server Key')) }),
          ),
        );
      }),
      concatMap((keys) =>
        from(crypto.digest(hash, keys.clientKey)).pipe(
          concatMap((storedKey) => forkJoin([hmac(storedKey, authMessage), hmac(keys.serverKey, authMessage)])),
          map(([clientSignature, serverSignature]) => {
            /** Checks that the server knows the password too. */
            const verify = (data: Uint8Array = NOTHING) => {
              const [, kind, value = ''] = /^([ev])=([^,]+)/.exec(attributeList(data)) ?? [];
              if (kind === 'e') {
                // A value of no known name is not repeated: it could be our own proof, sent back.
                const condition = serverErrors.get(value);
                fail(condition ?? 'not-authorized', `the server says ${condition ? value : 'an unknown error'}`);
              }
              if (!kind || !equalInConstantTime(decodeBase64(value) ?? NOTHING, serverSignature)) {
                fail('server-not-authentic', `the server's signature is ${kind ? 'wrong' : 'missing'}`);
              }
              cache?.set(credentials, id, keys);
            };
            next = {
              // RFC 6120 section 6.4.6 has the signature in <success/>; a server may also send it as a challenge, which is
              // answered with an empty response (RFC 4422 section 3.7). Then it need not come again.
              respond: (last) => {
                verify(last);
                next = {
                  finish: (data) => {
                    if (data?.length) verify(data);
                  },
                };
                return of(NOTHING);
              },
              finish: verify,
            };
            return utf8(`${withoutProof},p=${encodeBase64(xor(keys.clientKey, clientSignature))}`);
          }),
        ),
      ),
    );
  };

  /** XEP-0474 section 5.2. The hash is worth something because the proof signs it: a relay cannot leave it out or mend it. */
  const checkOffer = (offerHash: string | undefined): Observable<unknown> => {
    if (offerHash === undefined) return of(offerHash);
    return from(crypto.digest(hash, utf8(offerToHash(context)))).pipe(
      tap((ours) => {
        if (encodeBase64(ours) !== offerHash) {
          fail('mechanisms-tampered', 'these are not those the server offered (XEP-0474)');
        }
      }),
    );
  };

  return {
    initial: () =>
      step(() => {
        const binding = plus ? channelBindingOf(context) : undefined;
        if (plus && !binding) fail('no-mechanism', 'there is no channel binding');
        const authzid = checkedAuthzid(context, name);
        const flag = binding ? `p=${binding.type}` : unboundFlag(context);
        const header = `${flag},${authzid && `a=${saslname(authzid)}`},`;
        const username = prepared(usernameOf(context), 'user name', name);
        const nonce = encodeBase64(crypto.randomBytes(24));
        const bare = `n=${saslname(username)},r=${nonce}`;
        const gs2 = new Uint8Array([...utf8(header), ...(binding?.data ?? NOTHING)]);
        next = { respond: (challenge) => prove(challenge, gs2, bare, username, nonce) };
        return of(utf8(header + bare));
      }),
    respond: (challenge) =>
      step(({ respond = () => fail('bad-challenge', 'no challenge is due') }) => respond(challenge)),
    finish: (data) =>
      step(({ finish = () => fail('server-not-authentic', 'success comes before proof') }) => of(finish(data))),
  };
}

/** `server-error-value` of RFC 5802 section 7 in the conditions of RFC 6120 section 6.5, and ours where they say more. */
const serverErrors = new Map(
  Object.entries({
    'invalid-encoding': 'incorrect-encoding',
    'extensions-not-supported': 'malformed-request',
    'invalid-proof': 'not-authorized',
    // The server sees another TLS connection than we do: something between terminates TLS.
    'channel-bindings-dont-match': 'server-not-authentic',
    // Our flag was `y`: the server did offer -PLUS, and somebody removed it from the list.
    'server-does-support-channel-binding': 'mechanisms-tampered',
    'channel-binding-not-supported': 'invalid-mechanism',
    'unsupported-channel-binding-type': 'invalid-mechanism',
    'unknown-user': 'not-authorized',
    'invalid-username-encoding': 'bad-credentials',
    'no-resources': 'temporary-auth-failure',
    'other-error': 'not-authorized',
  }),
);
