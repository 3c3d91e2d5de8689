import { createHash, X509Certificate } from 'node:crypto';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { tcp } from '../../../lib/transport/node/index.js';
import { authority, type KeyType } from '../../support/certificates.js';
import { connectContext } from '../../support/connect-context.js';
import { tlsServer } from '../../support/loopback.js';
import { watch } from '../../support/watch.js';

/** SSL_OP_NO_EXTENDED_MASTER_SECRET of OpenSSL 3, for which Node has no name. */
const NO_EXTENDED_MASTER_SECRET = 1;

interface Parameters {
  readonly version?: SecureVersion;
  readonly secureOptions?: number;
  readonly type?: KeyType;
  readonly hash?: string;
}

/** SHA-1 in certificates is refused otherwise. */
const ciphers = 'DEFAULT@SECLEVEL=0';

/** A connection to a server with these parameters, and what that server holds of it. */
async function bound({ version, secureOptions, type, hash }: Parameters) {
  const ca = await authority('channel binding', type, hash);
  const identity = await ca.issue({ dns: ['example.org'] });
  const server = await tlsServer({ ...identity, minVersion: version, maxVersion: version, secureOptions, ciphers });
  const config = {
    host: '127.0.0.1',
    port: server.port,
    security: 'direct',
    tls: { ca: ca.cert, ciphers },
  } as const;
  const attempt = watch(tcp(config).connect(connectContext()));
  const connection = await attempt.first;
  const peer = (await server.next()) as TLSSocket;
  return {
    connection,
    attempt,
    peer,
    certificate: new X509Certificate(identity.cert).raw,
    close: () => {
      attempt.unsubscribe();
      return server.close();
    },
  };
}

describe('tls-exporter (RFC 9266)', () => {
  it.each<[string, Parameters, boolean]>([
    ['TLS 1.3', { version: 'TLSv1.3' }, true],
    ['TLS 1.2 with the extended master secret', { version: 'TLSv1.2' }, true],
    ['TLS 1.2 without it', { version: 'TLSv1.2', secureOptions: NO_EXTENDED_MASTER_SECRET }, false],
  ])('%s', async (_, parameters, defined) => {
    const { connection, peer, close } = await bound(parameters);
    const data = connection.channelBinding!('tls-exporter');
    const theirs = peer.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    expect(data).toEqual(defined ? theirs : undefined);
    await close();
  });

  it('is not to be had any more once the connection is gone', async () => {
    const { connection, attempt, peer, close } = await bound({});
    peer.destroy();
    watch(connection.input$);
    await attempt.ended;
    // Our own end is on its way first.
    while (connection.channelBinding!('tls-exporter')) await new Promise(setImmediate);
    expect(connection.channelBinding!('tls-server-end-point')).toBeUndefined();
    await close();
  });
});

describe('tls-server-end-point (RFC 5929 section 4)', () => {
  it.each<[KeyType, string, string | undefined]>([
    ['ecdsa', 'SHA-256', 'sha256'],
    ['ecdsa', 'SHA-384', 'sha384'],
    ['ecdsa', 'SHA-512', 'sha512'],
    ['ecdsa', 'SHA-1', 'sha256'],
    ['rsa', 'SHA-256', 'sha256'],
    ['rsa', 'SHA-384', 'sha384'],
    ['rsa', 'SHA-512', 'sha512'],
    ['rsa', 'SHA-1', 'sha256'],
    ['rsa-pss', 'SHA-256', 'sha256'],
    ['rsa-pss', 'SHA-384', 'sha384'],
    ['ed25519', 'SHA-256', undefined],
  ])('a certificate signed by %s with %s', async (type, hash, expected) => {
    const { connection, certificate, close } = await bound({ type, hash });
    const data = connection.channelBinding!('tls-server-end-point');
    expect(data).toEqual(expected && createHash(expected).update(certificate).digest());
    await close();
  });
});
