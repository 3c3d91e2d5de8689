import { realServers, type RealServer } from '../servers/index.js';
import { describeWith, type Need } from '../support/needs.js';
import { mechanismsIn, overTcp, overTls } from './support/features.js';

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
  });
}
