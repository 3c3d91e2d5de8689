import type { SaslMechanism } from './mechanism.js';
import { singleMessage } from './single-message.js';

const name = 'ANONYMOUS';

/** ANONYMOUS (RFC 4505, XEP-0175): an account for this session. It leaves no trace information, which is optional. */
export const anonymous: SaslMechanism = {
  name,
  usable: ({ credentials }) => credentials.anonymous === true,
  start: () => singleMessage(name, () => new Uint8Array()),
};
