import { utf8 } from './bytes.js';
import type { SaslContext, SaslMechanism } from './mechanism.js';
import { checkedAuthzid, preparedPassword, preparedUsername, usernameOf } from './prepare.js';
import { singleMessage } from './single-message.js';

const name = 'PLAIN';

/**
 * PLAIN (RFC 4616) hands the password to whoever is at the other end. It takes `credentials.allowPlain`, TLS, and an
 * account that is not known to have used anything better (`context.minimum`).
 */
export const plain: SaslMechanism = {
  name,
  usable: (context) =>
    context.credentials.allowPlain === true &&
    context.secure &&
    !isPinnedAgainstPlain(context) &&
    usernameOf(context) !== undefined &&
    context.credentials.password !== undefined,
  start: (context) =>
    singleMessage(name, () =>
      utf8(`${checkedAuthzid(context, name)}\0${preparedUsername(context, name)}\0${preparedPassword(context, name)}`),
    ),
};

/**
 * Whether the account is known to do better than PLAIN (XEP-0474 section 6, RFC 6120 section 13.9.4): a server that
 * suddenly wants the password in the clear is not believed.
 */
export function isPinnedAgainstPlain({ minimum }: SaslContext): boolean {
  return minimum !== undefined && minimum !== name;
}
