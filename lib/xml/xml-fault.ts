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

/** What the peer sent, as it may stand in an error: short. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

export function malformed(what: string): XmlFault {
  return new XmlFault('not-well-formed', `unexpected ${excerpt(what)}`);
}

/** @throws XmlFault `policy-violation` if there is more of something than may be */
export function checkLimit(count: number, most: number, what: string): void {
  if (count > most) throw new XmlFault('policy-violation', `more than ${most} ${what}`);
}
