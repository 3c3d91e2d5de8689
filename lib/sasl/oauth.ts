import {
  catchError,
  defer,
  from,
  map,
  of,
  take,
  throwError,
  throwIfEmpty,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { SaslError } from '../errors/index.js';
import { utf8 } from './bytes.js';
import { fault } from './fault.js';
import type { SaslContext, SaslMechanism } from './mechanism.js';
import { mechanismOf } from './needs.js';
import { checkedAuthzid, usernameOf } from './prepare.js';
import type { Refusal } from './select-mechanism.js';

/**
 * Gives an access token: asked for each exchange, and within the bound of the step (`timeouts.sasl`).
 *
 * @param refused Whether the server has just refused one: what is kept has expired, and a fresh one is to be had.
 */
export type TokenSupplier = (refused: boolean) => ObservableInput<string>;

/**
 * OAUTHBEARER (RFC 7628): a bearer token in place of a password. For `credentials.mechanisms`; over TLS only.
 *
 * ```text
 * supplier   --t                   --t'          asked again, once, where the server refuses the token
 * out          <auth/>   <response/> <auth/>
 * in                  {..} <failure/>      <success/>
 * ```
 *
 * ```ts
 * credentials: { mechanisms: [oauthBearer((refused) => (refused ? refreshed$ : current$))] }
 * ```
 *
 * Errors with `SaslError`: what the server says, or `bad-credentials` for a token that cannot be one, or where the supplier errors
 * or gives none.
 */
export function oauthBearer(supplier: TokenSupplier): SaslMechanism {
  const name = 'OAUTHBEARER';
  return oauth(name, supplier, (context, token) => {
    if (!BEARER.test(token)) throw noToken(name, 'the access token holds a character that none can have');
    return `n,${identity(context, name)},\x01auth=Bearer ${token}\x01\x01`;
  });
}

/**
 * X-OAUTH2, as some servers have it (ejabberd, and once Google Talk): user name and access token in the form of PLAIN. Everything else
 * is as with `oauthBearer`.
 */
export function xOauth2(supplier: TokenSupplier): SaslMechanism {
  const name = 'X-OAUTH2';
  return oauth(name, supplier, (context, token) => {
    if (token === '' || token.includes('\0')) throw noToken(name, 'the access token is empty, or holds NUL');
    return `${checkedAuthzid(context, name)}\0${usernameOf(context) ?? ''}\0${token}`;
  });
}

/** RFC 6750 section 2.1. */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/;

/** After what refusals a fresh token may help. */
const OF_TOKEN = new Set(['not-authorized', 'credentials-expired']);

function oauth(
  name: string,
  supplier: TokenSupplier,
  message: (context: SaslContext, token: string) => string,
  refused = false,
): SaslMechanism {
  return {
    ...mechanismOf(
      name,
      ({ secure }) => (secure ? '' : 'TLS'),
      (context) => ({
        initial: () => tokenOf(name, supplier, refused).pipe(map((token) => utf8(message(context, token)))),
        // What is wrong with the token, as JSON; the failure follows our answer, which says nothing (RFC 7628 section 3.2.3).
        respond: () => of(new Uint8Array([1])),
        finish: () => of(undefined),
      }),
    ),
    ...(!refused && {
      retry: ({ condition }: Refusal) => (OF_TOKEN.has(condition) ? oauth(name, supplier, message, true) : undefined),
    }),
  };
}

function tokenOf(name: string, supplier: TokenSupplier, refused: boolean): Observable<string> {
  return defer(() => from(supplier(refused))).pipe(
    take(1),
    throwIfEmpty(() => noToken(name, 'the supplier gave no access token')),
    catchError((error: unknown) =>
      throwError(() =>
        error instanceof SaslError ? error : noToken(name, 'the supplier of access tokens failed', error),
      ),
    ),
  );
}

function identity(context: SaslContext, name: string): string {
  const { local, domain } = context;
  const authzid = checkedAuthzid(context, name) || (local === undefined ? '' : `${local}@${domain}`);
  return authzid && `a=${authzid.replaceAll('=', '=3D').replaceAll(',', '=2C')}`;
}

function noToken(mechanism: string, text: string, cause?: unknown): SaslError {
  return fault('bad-credentials', text, mechanism, cause);
}
