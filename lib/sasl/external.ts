import type { SaslMechanism } from './mechanism.js';
import { checkedAuthzid } from './prepare.js';
import { singleMessage } from './single-message.js';

const name = 'EXTERNAL';

/**
 * EXTERNAL (RFC 4422 appendix A, XEP-0178): the client certificate of the TLS connection proves the identity. Where
 * `credentials.authzid` is absent the server takes the identity from the certificate.
 */
export const external: SaslMechanism = singleMessage(
  name,
  ({ credentials, secure }) => (credentials.external !== true ? 'credentials.external' : secure ? '' : 'TLS'),
  (context) => checkedAuthzid(context, name),
);
