import { quoted } from './characters.js';
import type { XmlLimits } from './xml-limits.js';

/** The stream error conditions that incoming XML can deserve by itself (RFC 6120 section 4.9.3). */
export type XmlFaultCondition =
  | 'bad-format'
  | 'bad-namespace-prefix'
  | 'invalid-namespace'
  | 'not-well-formed'
  | 'policy-violation'
  | 'restricted-xml'
  | 'unsupported-encoding';

/**
 * What is wrong with incoming XML. Thrown through the tokenizer, since that would go on emitting if it were only told;
 * never leaves this folder.
 */
export class XmlFault {
  constructor(
    readonly condition: XmlFaultCondition,
    readonly text: string,
  ) {}
}

/** Names what the peer sent, as it may stand in an error: short. */
export const unexpected = (what: string, condition: XmlFaultCondition = 'not-well-formed'): XmlFault =>
  new XmlFault(condition, `unexpected ${quoted(what)}`);

/** What RFC 6120 section 11.1 leaves out of XML. */
export const restricted = (what: string): XmlFault => unexpected(what, 'restricted-xml');

/** @throws XmlFault `policy-violation` if there is more of something than may be */
export function checkLimit(name: keyof XmlLimits, count: number, most: number): void {
  // So that NaN is no licence.
  if (!(count <= most)) throw new XmlFault('policy-violation', `${name} > ${most}`);
}
