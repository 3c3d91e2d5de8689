import { anonymous } from './anonymous.js';
import { bindingsOf, isPlus } from './channel-binding.js';
import { external } from './external.js';
import type { SaslContext, SaslMechanism } from './mechanism.js';
import { plain } from './plain.js';
import { scram } from './scram.js';

/** Best first. Any channel binding comes before a better hash: a relay is a nearer threat than a broken SHA-1 HMAC. */
export const defaultMechanisms: readonly SaslMechanism[] = [
  scram('SHA-512', { plus: true }),
  scram('SHA-256', { plus: true }),
  scram('SHA-1', { plus: true }),
  scram('SHA-512'),
  scram('SHA-256'),
  scram('SHA-1'),
  external,
  plain,
  anonymous,
];

/**
 * The best mechanism that the server offers and that the credentials, the TLS state and the pin allow; `undefined` where
 * there is none (`noMechanismError` says why).
 *
 * Our order counts, never the server's: whoever changes the list on the way could otherwise choose.
 */
export function selectMechanism(context: SaslContext, only?: string): SaslMechanism | undefined {
  return mechanismsOf(context).find(
    (mechanism) =>
      mechanism.name === (only ?? mechanism.name) &&
      context.offered.includes(mechanism.name) &&
      mechanism.usable(context),
  );
}

/** How a server refused. */
export interface Refusal {
  /** The condition of its `<failure/>`. */
  readonly condition: string;
  /** Whether it had sent a challenge before. */
  readonly challenged: boolean;
}

/**
 * What to try, once, after a server refused a -PLUS mechanism: the same one without channel binding. `undefined`, which
 * means to give up, in all other cases; there is no way down to anything weaker.
 *
 * It exists for servers that offer -PLUS without saying for which types (no XEP-0440), and then know only one that TLS 1.3
 * does not have (ejabberd 23.01: `tls-unique`). These refuse the initial response. A refusal after a challenge is
 * another matter: by then the server has seen the binding data, and what it says may be that there is a relay.
 */
export function fallbackMechanism(
  context: SaslContext,
  refused: SaslMechanism,
  { condition, challenged }: Refusal,
): SaslMechanism | undefined {
  if (!isPlus(refused.name) || challenged || bindingsOf(context) || !refusesBinding.test(condition)) return undefined;
  return selectMechanism(context, refused.name.slice(0, -'-PLUS'.length));
}

/** The conditions of RFC 6120 section 6.5 that can mean an unknown type of channel binding; it has none of its own. */
const refusesBinding = /^(not-authorized|malformed-request|incorrect-encoding|invalid-mechanism)$/;

/** Best first. */
export function mechanismsOf({ credentials }: SaslContext): readonly SaslMechanism[] {
  return credentials.mechanisms ?? defaultMechanisms;
}
