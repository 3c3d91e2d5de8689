import { tcp } from '../../lib/node.js';
import { realServers, type RealServer } from '../servers/index.js';
import { describeWith } from '../support/needs.js';
import { attempt, disconnectAll, optionsFor } from './support/attempt.js';
import { mechanismsIn, overTcp, overTls } from './support/features.js';
import { wiretap } from './support/wiretap.js';

/** A server without STARTTLS, of another domain, whose certificate for direct TLS is for a wrong host. */
for (const name of ['prosody', 'ejabberd'] as const) {
  describeWith(name, () => {
    let server: RealServer;
    beforeAll(async () => {
      server = await realServers[name]({
        domain: 'example.test',
        users: { juliet: 'R0m\u00e9o "\\', nurse: "]] '" },
        certificateHosts: ['elsewhere.test'],
        tls: 'absent',
      });
    });
    afterAll(() => server?.stop());
    afterEach(disconnectAll);

    it('is what it was started as', async () => {
      expect(await overTcp(server)).not.toContain('<starttls');
      await expect(overTls(server)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
      expect(mechanismsIn(await overTls(server, { identity: 'elsewhere.test' }))).toContain('SCRAM-SHA-1');
    });

    it('is told nothing but <starttls/>, unless TLS is not required', async () => {
      const tap = await wiretap({ host: server.host, port: server.ports.c2s });
      const transport = tcp({ host: server.host, port: tap.port, security: 'starttls', tls: { ca: server.ca } });
      const made = attempt(optionsFor(server, 'juliet', { transport }));
      const error = await made.failure();
      expect(error).toMatchObject({ name: 'TlsError', layer: 'tls', condition: 'tls-unavailable', retryable: false });
      expect(made.mechanism).toBeUndefined();
      expect(tap.sent.replace(/^<\?xml[^>]*\?>\s*/, '')).toMatch(
        /^<stream:stream [^>]*><starttls xmlns=["']urn:ietf:params:xml:ns:xmpp-tls["']\/>(<\/stream:stream>)?$/,
      );
      await tap.close();

      for (const tls of ['preferred', 'disabled'] as const) {
        for (const user of Object.keys(server.users)) {
          const open = attempt(optionsFor(server, user, { tls }));
          await open.online();
          expect(open.events).not.toContain('securing');
          expect(open.mechanism).toBe('SCRAM-SHA-1');
        }
      }
    });

    it('listens no more once it is stopped', async () => {
      await server.stop();
      expect(server.running).toBe(false);
      await expect(overTcp(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
  });
}
