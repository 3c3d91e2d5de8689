import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as Crypto);

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName?: string;
  /** dNSName. */
  readonly dns?: readonly string[];
  /** iPAddress. */
  readonly ip?: readonly string[];
  /** iPAddress of any number of octets. */
  readonly octets?: readonly (readonly number[])[];
  /** uniformResourceIdentifier, which XMPP has no use for. */
  readonly uri?: readonly string[];
  /** SRVName (RFC 4985), as `_xmpp-client.example.org`. */
  readonly srv?: readonly string[];
  /** XmppAddr (RFC 6120 section 13.7.1.4). */
  readonly xmpp?: readonly string[];
  /** Days from now on; below zero, days ago. */
  readonly from?: number;
  readonly to?: number;
  /** What TLS may use it for; default `server`. */
  readonly usage?: 'server' | 'client';
  /** Of the signature, which for a certificate of a CA is that of the CA's key. */
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
}

export interface Authority extends Identity {
  issue(request: CertificateRequest): Promise<Identity>;
}

export type KeyType = 'ecdsa' | 'rsa' | 'rsa-pss' | 'ed25519';

const DAY = 86_400_000;

const KEY_ALGORITHMS: Record<KeyType, (hash: string) => RsaHashedKeyGenParams | EcKeyGenParams | { name: string }> = {
  ecdsa: () => ({ name: 'ECDSA', namedCurve: 'P-256' }),
  rsa: (hash) => ({ name: 'RSASSA-PKCS1-v1_5', hash, publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 }),
  'rsa-pss': (hash) => ({ name: 'RSA-PSS', hash, publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 }),
  ed25519: () => ({ name: 'Ed25519' }),
};

/** A CA of its own, and what it signs. The keys of what it signs are ECDSA; its own are of `type`. */
export async function authority(name = 'rxmpp specs', type: KeyType = 'ecdsa', hash = 'SHA-256'): Promise<Authority> {
  const keys = await newKeys(type, hash);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: signingAlgorithm(type, hash),
    ...validity({}),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    ...(await identity(ca, keys)),
    issue: async (request) => {
      const leafKeys = await newKeys('ecdsa', 'SHA-256');
      const leaf = await x509.X509CertificateGenerator.create({
        subject: subjectOf(request),
        issuer: ca.subject,
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: signingAlgorithm(type, request.hash ?? hash),
        ...validity(request),
        extensions: extensionsOf(request),
      });
      return identity(leaf, leafKeys);
    },
  };
}

/** A certificate that no CA stands for. */
export async function selfSigned(request: CertificateRequest): Promise<Identity> {
  const keys = await newKeys('ecdsa', 'SHA-256');
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subjectOf(request),
    keys,
    signingAlgorithm: signingAlgorithm('ecdsa', 'SHA-256'),
    ...validity(request),
    extensions: extensionsOf(request),
  });
  return identity(certificate, keys);
}

function newKeys(type: KeyType, hash: string): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHMS[type](hash), true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}

function signingAlgorithm(type: KeyType, hash: string): never {
  const { name } = KEY_ALGORITHMS[type](hash);
  return { name, hash, saltLength: 32 } as never;
}

function subjectOf({ commonName }: CertificateRequest): string {
  return commonName === undefined ? '' : `CN=${commonName}`;
}

function validity({ from = -1, to = 2 }: CertificateRequest) {
  return { notBefore: new Date(Date.now() + from * DAY), notAfter: new Date(Date.now() + to * DAY) };
}

function extensionsOf({
  dns = [],
  ip = [],
  octets = [],
  uri = [],
  srv = [],
  xmpp = [],
  usage = 'server',
}: CertificateRequest): x509.Extension[] {
  const purpose = usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const names = [
    ...dns.map((name) => der(0x82, Buffer.from(name, 'latin1'))),
    ...ip.map((address) => Buffer.from(new x509.GeneralName('ip', address).rawData)),
    ...octets.map((address) => der(0x87, Buffer.from(address))),
    ...uri.map((name) => der(0x86, Buffer.from(name, 'latin1'))),
    // 1.3.6.1.5.5.7.8.7, an IA5String
    ...srv.map((name) => otherName('2b06010505070807', der(0x16, Buffer.from(name, 'latin1')))),
    // 1.3.6.1.5.5.7.8.5, a UTF8String
    ...xmpp.map((name) => otherName('2b06010505070805', der(0x0c, Buffer.from(name)))),
  ];
  return [
    new x509.BasicConstraintsExtension(false),
    new x509.ExtendedKeyUsageExtension([purpose]),
    ...(names.length > 0 ? [new x509.Extension('2.5.29.17', false, new Uint8Array(der(0x30, ...names)))] : []),
  ];
}

function otherName(oid: string, value: Buffer): Buffer {
  return der(0xa0, der(0x06, Buffer.from(oid, 'hex')), der(0xa0, value));
}

function der(tag: number, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const length = bytes.length < 0x80 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}

async function identity(certificate: x509.X509Certificate, keys: CryptoKeyPair): Promise<Identity> {
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as never);
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}
