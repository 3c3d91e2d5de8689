import { domainToASCII } from 'node:url';
import { TlsError } from '../../errors/tls-error.js';
import { ipLiteral } from '../ip-literal.js';
import { certificateIdentities, type CertificateIdentities } from './certificate-identities.js';

/**
 * Checks that a certificate is for a domain (RFC 6120 section 13.7.1.2, RFC 9525): one of its dNSName, SRVName (of
 * `_xmpp-client`) or XmppAddr names is the domain. `*` stands for exactly one whole label, the leftmost. A common name is
 * never an identity, and an iPAddress only that of a domain which is an IP address.
 *
 * @param domain The A-label domain of the JID, whatever host was dialled.
 * @param certificate DER.
 * @return Why it is not for the domain; `undefined` if it is.
 */
export function checkIdentity(domain: string, certificate: Uint8Array | undefined): TlsError | undefined {
  let identities: CertificateIdentities;
  try {
    identities = certificateIdentities(certificate ?? new Uint8Array());
  } catch (cause) {
    return wrongIdentity('the identities of the certificate cannot be read', cause);
  }
  const { dns, ip, srv, xmpp } = identities;
  const address = ipLiteral(domain);
  if (address !== undefined) {
    if (ip.some((octets) => canonical(addressOf(octets)) === canonical(address))) return undefined;
  } else {
    const reference = normalized(domain);
    if ([...dns, ...srv].some((presented) => matches(reference, normalized(presented)))) return undefined;
    if (xmpp.some((presented) => matchesAddress(reference, presented))) return undefined;
  }
  const names = [...new Set([...dns, ...srv, ...xmpp, ...ip.map(addressOf)])];
  const isFor = names.length > 0 ? `for ${names.join(', ')}` : 'for no domain (it has no subjectAltName)';
  return wrongIdentity(`the server's certificate is ${isFor}, not for ${domain}, the domain of the JID`);
}

export function wrongIdentity(text: string, cause?: unknown): TlsError {
  return new TlsError({ condition: 'wrong-identity', text, phase: 'tls', cause });
}

function normalized(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function matches(reference: string, presented: string): boolean {
  if (reference === '') return false;
  if (!presented.startsWith('*.')) return presented === reference;
  const dot = reference.indexOf('.');
  return dot > 0 && reference.slice(dot) === presented.slice(1);
}

/** An XmppAddr without local part and resource. (Node would drop what URLs have behind a host, and decode what they escape.) */
function matchesAddress(reference: string, presented: string): boolean {
  return /^[-.\w\x80-\u{10ffff}]+$/u.test(presented) && normalized(domainToASCII(presented)) === reference;
}

function addressOf(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return 'a malformed address';
  return Array.from({ length: 8 }, (_, i) => ((octets[2 * i]! << 8) | octets[2 * i + 1]!).toString(16)).join(':');
}

function canonical(address: string): string {
  try {
    return new URL(`http://${address.includes(':') ? `[${address}]` : address}`).hostname;
  } catch {
    return address;
  }
}
