import { readDer, readOid } from './der.js';

/** What a certificate says it is for: its subjectAltName extension, of the types that are of use for XMPP. */
export interface CertificateIdentities {
  /** dNSName, as written: may be a wildcard. */
  readonly dns: readonly string[];
  /** iPAddress: 4 or 16 octets. */
  readonly ip: readonly Uint8Array[];
  /** The name of an SRVName (RFC 4985) for XMPP clients, without its `_xmpp-client.` */
  readonly srv: readonly string[];
  /** XmppAddr (RFC 6120 section 13.7.1.4), as written: may hold U-labels. */
  readonly xmpp: readonly string[];
}

const SUBJECT_ALT_NAME = '2.5.29.17';
const XMPP_ADDR = '1.3.6.1.5.5.7.8.5';
const SRV_NAME = '1.3.6.1.5.5.7.8.7';

const EXTENSIONS = 0xa3;
const OCTET_STRING = 0x04;
const OTHER_NAME = 0xa0;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/**
 * Reads the identities of a certificate. Node prints them as one text, in which other names cannot always be told from
 * what somebody put into a name (CVE-2021-44532), so they are read from the certificate itself.
 *
 * @param certificate DER.
 * @throws RangeError Where it is no certificate.
 */
export function certificateIdentities(certificate: Uint8Array): CertificateIdentities {
  const dns: string[] = [];
  const ip: Uint8Array[] = [];
  const srv: string[] = [];
  const xmpp: string[] = [];
  for (const { tag, content } of generalNames(certificate)) {
    if (tag === DNS_NAME) dns.push(latin1(content));
    else if (tag === IP_ADDRESS) ip.push(content);
    else if (tag === OTHER_NAME) {
      const [type, wrapped] = readDer(content);
      const value = wrapped && readDer(wrapped.content)[0]?.content;
      if (!type || !value) continue;
      const oid = readOid(type.content);
      if (oid === XMPP_ADDR) xmpp.push(Buffer.from(value).toString('utf8'));
      const service = oid === SRV_NAME && /^_xmpps?-client\.(.+)$/i.exec(latin1(value));
      if (service) srv.push(service[1]!);
    }
  }
  return { dns, ip, srv, xmpp };
}

function generalNames(certificate: Uint8Array) {
  const tbs = readDer(readDer(certificate)[0]?.content ?? certificate)[0];
  const extensions = tbs && readDer(tbs.content).find(({ tag }) => tag === EXTENSIONS);
  if (!extensions) return [];
  for (const extension of readDer(readDer(extensions.content)[0]?.content ?? extensions.content)) {
    const fields = readDer(extension.content);
    if (!fields[0] || readOid(fields[0].content) !== SUBJECT_ALT_NAME) continue;
    // Between the two there may be a flag that says "critical".
    const value = fields.find(({ tag }) => tag === OCTET_STRING);
    return value ? readDer(readDer(value.content)[0]?.content ?? value.content) : [];
  }
  return [];
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
