import type { SaslContext, SaslMechanism } from './mechanism.js';
import { needsPassword } from './needs.js';
import { checkedAuthzid, prepared, usernameOf } from './prepare.js';
import { singleMessage } from './single-message.js';

const name = 'PLAIN';

/**
 * PLAIN (RFC 4616) hands the password to whoever is at the other end. It takes `credentials.allowPlain`, TLS, and an
 * account that is not known to have used anything better (`context.minimum`): a server that suddenly wants the password in the
 * clear is not believed (XEP-0474 section 6, RFC 6120 section 13.9.4).
 */
export const plain: SaslMechanism = singleMessage(name, needs, (context) =>
  [
    checkedAuthzid(context, name),
    prepared(usernameOf(context), 'user name', name),
    prepared(context.credentials.password, 'password', name),
  ].join('\0'),
);

function needs(context: SaslContext): string {
  const { credentials, secure, minimum = name } = context;
  if (minimum !== name) return `an account that never used ${minimum}`;
  if (!secure) return 'TLS';
  return credentials.allowPlain === true ? needsPassword(context) : 'credentials.allowPlain';
}
