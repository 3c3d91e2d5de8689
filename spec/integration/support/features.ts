import { connect as connectTcp, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { RealServer } from '../../servers/index.js';

const header = (to: string) =>
  `<?xml version='1.0'?><stream:stream to='${to}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;

/** Writes a stream header and gives what comes back up to the features. */
function featuresOf(socket: Socket, to: string): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let text = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after: ${text}`)));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.includes('</stream:features>')) resolve(text);
    });
    socket.write(header(to));
  }).finally(() => socket.destroy());
}

/** What a server offers on the port of STARTTLS, before TLS. */
export const overTcp = (server: RealServer, to = server.domain) =>
  featuresOf(connectTcp({ host: server.host, port: server.ports.c2s }), to);

export interface Dial {
  to?: string;
  /** What the certificate must be for. */
  identity?: string;
  ca?: string;
}

/** What it offers on the port of direct TLS. */
export const overTls = (server: RealServer, { to = server.domain, identity = to, ca = server.ca }: Dial = {}) =>
  featuresOf(
    connectTls({
      ...{ host: server.host, port: server.ports.tls, ca, servername: to },
      checkServerIdentity: (_, certificate) => checkServerIdentity(identity, certificate),
    }),
    to,
  );

/** The names of SASL mechanisms, without those for channel binding. */
export const mechanismsIn = (features: string) =>
  [...features.matchAll(/<mechanism>([^<]+)<\/mechanism>/g)]
    .map(([, name]) => name!)
    .filter((name) => !/-PLUS$/.test(name));
