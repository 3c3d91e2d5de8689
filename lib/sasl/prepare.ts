import { fault } from './fault.js';
import type { SaslContext } from './mechanism.js';
import { saslprep } from './saslprep.js';

/** The user name that a mechanism proves, before preparation; `undefined` where nobody told one. */
export function usernameOf({ credentials, local }: SaslContext): string | undefined {
  return credentials.username ?? local;
}

/** A user name or password by SASLprep (RFC 4013). Throws `SaslError` `bad-credentials`, without anything of the text. */
export function prepared(text: string | undefined, what: string, mechanism: string): string {
  const result = text && saslprep(text, what, mechanism);
  // RFC 5802 section 5.1 and RFC 4616 section 2: an empty result never authenticates.
  if (!result) throw fault('bad-credentials', `there is no ${what}`, mechanism);
  return result;
}

/** The authorization identity as the GS2 header and PLAIN can carry it; '' for none. Throws `SaslError` `bad-credentials`. */
export function checkedAuthzid({ credentials: { authzid = '' } }: SaslContext, mechanism: string): string {
  if (/[\0\p{Cs}]/u.test(authzid)) {
    throw fault('bad-credentials', 'the authorization identity holds NUL or half a surrogate pair', mechanism);
  }
  return authzid;
}
