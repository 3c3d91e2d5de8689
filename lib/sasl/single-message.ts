import { defer, of, throwError } from 'rxjs';
import { SaslError } from '../errors/index.js';
import type { SaslExchange } from './mechanism.js';

/** An exchange of one message, the initial response: the server has nothing to ask and nothing to prove. */
export function singleMessage(mechanism: string, message: () => Uint8Array): SaslExchange {
  return {
    initial: () => defer(() => of(message())),
    respond: () =>
      throwError(
        () => new SaslError({ condition: 'bad-challenge', text: `${mechanism} knows no challenge`, mechanism }),
      ),
    finish: () => of(undefined),
  };
}
