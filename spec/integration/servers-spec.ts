import { connect as connectTcp, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { realServers, type RealServer } from '../servers/index.js';
import { describeWith, type Need } from '../support/needs.js';

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

const overTcp = (server: RealServer, to = server.domain) =>
  featuresOf(connectTcp({ host: server.host, port: server.ports.c2s }), to);

interface Dial {
  to?: string;
  /** What the certificate must be for. */
  identity?: string;
  ca?: string;
}

const overTls = (server: RealServer, { to = server.domain, identity = to, ca = server.ca }: Dial = {}) =>
  featuresOf(
    connectTls({
      ...{ host: server.host, port: server.ports.tls, ca, servername: to },
      checkServerIdentity: (_, certificate) => checkServerIdentity(identity, certificate),
    }),
    to,
  );

const mechanismsIn = (features: string) =>
  [...features.matchAll(/<mechanism>([^<]+)<\/mechanism>/g)]
    .map(([, name]) => name!)
    .filter((name) => !/-PLUS$/.test(name));

const hashes = { prosody: ['SHA-1', 'SHA-256'], ejabberd: ['SHA-1', 'SHA-256', 'SHA-512'] } as const;

for (const name of ['prosody', 'ejabberd'] as const satisfies readonly Need[]) {
  const start = realServers[name];

  describeWith(name, () => {
    describe('with its defaults', () => {
      let server: RealServer;
      beforeAll(async () => {
        server = await start();
      });
      afterAll(() => server?.stop());

      it('insists on STARTTLS before it offers a mechanism', async () => {
        const features = await overTcp(server);
        expect(features).toMatch(/<starttls[^>]*>\s*<required\/>/);
        expect(mechanismsIn(features)).toEqual([]);
      });

      it('shows a certificate for its hosts on the port of direct TLS', async () => {
        expect(mechanismsIn(await overTls(server))).toContain('SCRAM-SHA-1');
        expect(mechanismsIn(await overTls(server, { to: server.anonymousDomain }))).toContain('ANONYMOUS');
      });

      it('is not trusted without its authority', async () => {
        await expect(overTls(server, { ca: '' })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
      });

      it('comes back on its ports after a kill, with the certificate it had', async () => {
        const { pid, ports } = server;
        await server.kill9();
        expect(server.running).toBe(false);
        await expect(overTcp(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
        await server.restart();
        expect(server.running).toBe(true);
        expect(server.pid).not.toBe(pid);
        expect(server.ports).toEqual(ports);
        expect(mechanismsIn(await overTls(server))).toContain('SCRAM-SHA-1');
      });
    });

    it('takes another domain, odd passwords, a certificate for a wrong host, and runs without TLS', async () => {
      const server = await start({
        domain: 'example.test',
        users: { juliet: 'R0m\u00e9o "\\', nurse: "]] '" },
        certificateHosts: ['elsewhere.test'],
        tls: 'absent',
      });
      try {
        expect(await overTcp(server)).not.toContain('<starttls');
        await expect(overTls(server)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
        expect(mechanismsIn(await overTls(server, { identity: 'elsewhere.test' }))).toContain('SCRAM-SHA-1');
      } finally {
        await server.stop();
      }
      expect(server.running).toBe(false);
      await expect(overTcp(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });

    it.each(hashes[name])('offers SCRAM-%s where passwords are stored for it', async (hash) => {
      const server = await start({ scram: hash });
      try {
        const scram = mechanismsIn(await overTls(server)).filter((mechanism) => mechanism.startsWith('SCRAM'));
        expect(scram).toEqual([`SCRAM-${hash}`]);
      } finally {
        await server.stop();
      }
    });

    it('offers every SCRAM that it knows where passwords are stored in plain', async () => {
      const server = await start({ scram: 'plain' });
      try {
        expect(mechanismsIn(await overTls(server))).toEqual(
          expect.arrayContaining(hashes[name].map((hash) => `SCRAM-${hash}`)),
        );
      } finally {
        await server.stop();
      }
    });
  });
}
