import { bindingsOf } from './channel-binding.js';
import type { SaslContext } from './mechanism.js';

/**
 * What the `h` attribute of SCRAM's server-first-message is a hash of (XEP-0474 section 5.1, version 0.4 and later): the
 * lists of mechanisms and channel-binding types as they arrived. The delimiters cannot occur in XML, so no name can
 * imitate a boundary.
 */
export function offerToHash(context: SaslContext): string {
  const types = bindingsOf(context);
  return list(context.offered) + (types ? `\x1f${list(types)}` : '');
}

function list(names: readonly string[]): string {
  // By code unit, which for the ASCII of these names is the order by octet that is asked for.
  return [...names].sort().join('\x1e');
}
