import { hostname, userInfo } from 'node:os';
import { jid, type Jid } from '../../jid/jid.js';

/** `user@machine` (XEP-0174 section 3), of whoever runs this process. */
export function ownJid(): Jid {
  try {
    return jid(`${userInfo().username}@${hostname()}`);
  } catch {
    // Machines may have names that no domain can have, and users none at all.
    return jid('somebody@localhost');
  }
}
