import { sameJid } from '../jid/same-jid.js';
import type { Framing } from '../transport/framing.js';
import * as NS from '../xml/namespaces.js';
import type { XmlElement } from '../xml/xml-element.js';

/** The peer's stream header (RFC 6120 section 4.7). */
export interface StreamHeader {
  readonly id: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly version: string | undefined;
  readonly lang: string | undefined;
  /** The namespace of the stanzas to come; `''` where frames declare it each. */
  readonly contentNs: string;
}

export function streamHeader({ attrs }: XmlElement, contentNs: string): StreamHeader {
  const { id, from, to, version, 'xml:lang': lang } = attrs;
  return { id, from, to, version, lang, contentNs };
}

/**
 * Finds what is wrong with a peer's header (RFC 6120 sections 4.7 and 4.8): the condition, and what is to be told. It is asked only
 * after the element that follows, since a server that refuses a stream (`host-unknown`) may send a makeshift header and then says
 * more itself.
 */
export function headerFault(
  { contentNs, version = '', id, from }: StreamHeader,
  framing: Framing['name'],
  domain: string,
): readonly [condition: string, found: string] | undefined {
  if (framing === 'stream' && contentNs !== NS.client) return ['invalid-namespace', `xmlns='${contentNs}'`];
  if (!/^0*[1-9]\d*\.\d+$/.test(version)) return ['unsupported-version', `version='${version}'`];
  if (!id) return ['bad-format', 'no id'];
  return from === undefined || sameJid(from, domain) ? undefined : ['invalid-from', `from='${from}'`];
}
