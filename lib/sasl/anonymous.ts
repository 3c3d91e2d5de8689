import type { SaslMechanism } from './mechanism.js';
import { singleMessage } from './single-message.js';

/** ANONYMOUS (RFC 4505, XEP-0175): an account for this session. It leaves no trace information, which is optional. */
export const anonymous: SaslMechanism = singleMessage(
  'ANONYMOUS',
  ({ credentials }) => (credentials.anonymous === true ? '' : 'credentials.anonymous'),
  () => '',
);
