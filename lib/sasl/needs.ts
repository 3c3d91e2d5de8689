import type { SaslContext, SaslExchange, SaslMechanism } from './mechanism.js';
import { usernameOf } from './prepare.js';

/** What a mechanism is missing in order to be used, for people; `''` where it is nothing. */
export type Needs = (context: SaslContext) => string;

/** A mechanism that can be used where it needs nothing more. */
export function mechanismOf(name: string, needs: Needs, start: (context: SaslContext) => SaslExchange): SaslMechanism {
  return { name, needs, usable: (context) => !needs(context), start };
}

/** What is missing to prove a name by a password. */
export function needsPassword(context: SaslContext): string {
  if (usernameOf(context) === undefined) return 'credentials.username';
  return context.credentials.password === undefined ? 'credentials.password' : '';
}
