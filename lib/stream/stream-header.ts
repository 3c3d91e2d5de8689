import { StreamError } from '../errors/stream-error.js';
import { jid } from '../jid/jid.js';
import type { Framing } from '../transport/framing.js';
import { NS } from '../xml/namespaces.js';
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

export const NO_HEADER: StreamHeader = {
  id: undefined,
  from: undefined,
  to: undefined,
  version: undefined,
  lang: undefined,
  contentNs: '',
};

export function streamHeader({ attrs }: XmlElement, contentNs: string): StreamHeader {
  return { id: attrs.id, from: attrs.from, to: attrs.to, version: attrs.version, lang: attrs['xml:lang'], contentNs };
}

/**
 * Finds what is wrong with a peer's header (RFC 6120 sections 4.7 and 4.8). It is asked only after the element that
 * follows, since a server that refuses a stream (`host-unknown`) may send a makeshift header and then says more itself.
 */
export function headerFault(header: StreamHeader, framing: Framing['name'], domain: string): StreamError | undefined {
  if (framing === 'stream' && header.contentNs !== NS.client) {
    return fault('invalid-namespace', `the server's stream is for '${header.contentNs}', not for '${NS.client}'`);
  }
  const major = /^(\d+)\.\d+$/.exec(header.version ?? '')?.[1];
  if (major === undefined || Number(major) < 1) {
    return fault(
      'unsupported-version',
      `the server speaks XMPP version '${header.version ?? 'none'}'; version 1.0 (RFC 6120) is needed`,
    );
  }
  if (!header.id) return fault('bad-format', "the server's stream header has no id");
  if (header.from !== undefined && !sameDomain(header.from, domain)) {
    return fault('invalid-from', `the server says that it is '${header.from}', not '${domain}'`);
  }
  return undefined;
}

function fault(condition: string, text: string): StreamError {
  return new StreamError({ condition, text, phase: 'open' });
}

function sameDomain(from: string, domain: string): boolean {
  if (from === domain) return true;
  try {
    const sender = jid(from);
    return sender.local === undefined && sender.resource === undefined && sender.domain === jid(domain).domain;
  } catch {
    return false;
  }
}
