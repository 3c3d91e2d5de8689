import { defer, of, throwError } from 'rxjs';
import { utf8 } from './bytes.js';
import { fault } from './fault.js';
import type { SaslContext, SaslMechanism } from './mechanism.js';
import { mechanismOf, type Needs } from './needs.js';

/** A mechanism of one message, the initial response: the server has nothing to ask and nothing to prove. */
export function singleMessage(name: string, needs: Needs, message: (context: SaslContext) => string): SaslMechanism {
  return mechanismOf(name, needs, (context) => ({
    initial: () => defer(() => of(utf8(message(context)))),
    respond: () => throwError(() => fault('bad-challenge', 'no challenge is due', name)),
    finish: () => of(undefined),
  }));
}
