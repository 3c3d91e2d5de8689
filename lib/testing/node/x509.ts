import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, as PEM. */
export interface PemIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** dNSNames and iPAddresses. */
  readonly names?: readonly string[];
  /** XmppAddrs (RFC 6120 section 13.7.1.4): whom a client's certificate is for. */
  readonly xmppAddresses?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A CA that exists as long as its process does. */
export interface CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  issue(request: CertificateRequest): PemIdentity;
}

/**
 * Makes a CA and lets it issue certificates (RFC 5280), ECDSA on P-256. Node can read certificates and sign, but writes none; the
 * little DER that takes is here, since a library for it is larger than all of rxmpp and polyfills globals besides.
 */
export function certificateAuthority(
  commonName: string,
  dates: Pick<CertificateRequest, 'notBefore' | 'notAfter'>,
): CertificateAuthority {
  const { publicKey, privateKey } = newKeys();
  const issuer = name(commonName);
  const cert = certificate({
    ...dates,
    issuer,
    subject: issuer,
    publicKey,
    signingKey: privateKey,
    extensions: [
      extension('2.5.29.19', true, sequence(boolean(true))),
      // keyCertSign, cRLSign
      extension('2.5.29.15', true, bitString(Buffer.from([0x06]), 1)),
    ],
  });
  return {
    cert,
    issue({ names = [], xmppAddresses = [], ...rest }) {
      const keys = newKeys();
      const leaf = certificate({
        ...rest,
        issuer,
        subject: name(xmppAddresses[0] ?? names[0] ?? commonName),
        publicKey: keys.publicKey,
        signingKey: privateKey,
        extensions: [
          extension('2.5.29.19', true, sequence()),
          // digitalSignature
          extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
          // serverAuth, clientAuth
          extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
          extension('2.5.29.17', false, sequence(...names.map(generalName), ...xmppAddresses.map(xmppAddress))),
        ],
      });
      return { cert: leaf, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

const DAY = 86_400_000;

/** From so many days from now on to so many; below zero, days ago. */
export const validity = (from: number, to: number): Pick<CertificateRequest, 'notBefore' | 'notAfter'> => ({
  notBefore: new Date(Date.now() + from * DAY),
  notAfter: new Date(Date.now() + to * DAY),
});

const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' });

function certificate(init: {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly extensions: readonly Buffer[];
}): string {
  const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
  const serial = randomBytes(16);
  // Positive, and not beginning with zeros (section 4.1.2.2).
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    ecdsaWithSha256,
    init.issuer,
    sequence(time(init.notBefore), time(init.notAfter)),
    init.subject,
    init.publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...init.extensions)),
  );
  const der = sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, init.signingKey)));
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

// DER (X.690), as much of it as certificates need.

function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...content: readonly Uint8Array[]): Buffer => element(0x30, ...content);
const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]));
const bitString = (bits: Uint8Array, unused = 0): Buffer => element(0x03, Buffer.from([unused]), bits);
const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let left = arc >>> 7; left > 0; left >>>= 7) octets.unshift((left & 0x7f) | 0x80);
  return octets;
}

/** UTCTime up to 2049, GeneralizedTime from then on (section 4.1.2.5). */
function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(text.slice(2))) : element(0x18, Buffer.from(text));
}

/** A name of one attribute, the common name, of at most 64 characters. */
const name = (commonName: string): Buffer =>
  sequence(element(0x31, sequence(oid('2.5.4.3'), utf8String(commonName.slice(0, 64)))));

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), element(0x04, value));

function generalName(host: string): Buffer {
  const family = isIP(host);
  if (family === 0) return element(0x82, Buffer.from(host, 'latin1'));
  return element(0x87, family === 4 ? Buffer.from(host.split('.').map(Number)) : ipv6(host));
}

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] => (text ? text.split(':').map((group) => parseInt(group, 16)) : []);
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

const xmppAddress = (address: string): Buffer =>
  element(0xa0, oid('1.3.6.1.5.5.7.8.5'), element(0xa0, utf8String(address)));
