import { SaslError } from '../errors/index.js';
import type { SaslContext } from './mechanism.js';
import { saslprep } from './saslprep.js';

/** The user name that a mechanism proves, before preparation; `undefined` where nobody told one. */
export function usernameOf({ credentials, local }: SaslContext): string | undefined {
  return credentials.username ?? local;
}

/** The user name by SASLprep (RFC 4013). Throws `SaslError` `bad-credentials`. */
export function preparedUsername(context: SaslContext, mechanism: string): string {
  return prepared(usernameOf(context), 'user name', mechanism);
}

/** The password by SASLprep (RFC 4013). Throws `SaslError` `bad-credentials`. */
export function preparedPassword(context: SaslContext, mechanism: string): string {
  return prepared(context.credentials.password, 'password', mechanism);
}

/** The authorization identity as the GS2 header and PLAIN can carry it; '' for none. Throws `SaslError` `bad-credentials`. */
export function checkedAuthzid({ credentials: { authzid = '' } }: SaslContext, mechanism: string): string {
  if (/[\0\p{Cs}]/u.test(authzid)) {
    throw badCredentials('the authorization identity holds NUL or half a surrogate pair', mechanism);
  }
  return authzid;
}

function prepared(text: string | undefined, what: string, mechanism: string): string {
  if (text === undefined) throw badCredentials(`there is no ${what}`, mechanism);
  let result: string;
  try {
    result = saslprep(text);
  } catch {
    // The fault names the character, and a character of a password is part of a secret: no text of it, and no cause.
    throw badCredentials(`the ${what} holds a character that SASLprep (RFC 4013) does not allow`, mechanism);
  }
  // RFC 5802 section 5.1 and RFC 4616 section 2: an empty result never authenticates.
  if (result === '') throw badCredentials(`the ${what} is empty after SASLprep (RFC 4013)`, mechanism);
  return result;
}

function badCredentials(text: string, mechanism: string): SaslError {
  return new SaslError({ condition: 'bad-credentials', text, mechanism });
}
