import { utf8 } from './bytes.js';
import type { SaslMechanism } from './mechanism.js';
import { checkedAuthzid } from './prepare.js';
import { singleMessage } from './single-message.js';

const name = 'EXTERNAL';

/**
 * EXTERNAL (RFC 4422 appendix A, XEP-0178): the client certificate of the TLS connection proves the identity. Where
 * `credentials.authzid` is absent the server takes the identity from the certificate.
 */
export const external: SaslMechanism = {
  name,
  usable: ({ credentials, secure }) => credentials.external === true && secure,
  start: (context) => singleMessage(name, () => utf8(checkedAuthzid(context, name))),
};
