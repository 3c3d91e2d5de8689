import { realServers, type RealServer } from '../servers/index.js';
import { describeWith, type Need } from '../support/needs.js';
import { attempt, close, disconnectAll, optionsFor, overDirectTls, overStartTls } from './support/attempt.js';

for (const name of ['prosody', 'ejabberd'] as const satisfies readonly Need[]) {
  describeWith(name, () => {
    let server: RealServer;
    beforeAll(async () => {
      server = await realServers[name]({ external: true });
    });
    afterEach(disconnectAll);
    afterAll(() => server?.stop());

    it.each([
      ['STARTTLS', overStartTls],
      ['direct TLS', overDirectTls],
    ])('EXTERNAL: the client certificate is the proof, over %s', async (_, over) => {
      const { certificate: cert, key } = server.authority.issueClient('alice', [`alice@${server.domain}`]);
      const transport = over(server, { tls: { ca: server.ca, cert, key } });
      const made = attempt(optionsFor(server, 'alice', { credentials: { external: true }, transport }));
      const session = await made.online();
      expect([made.mechanism, String(session.jid.bare())]).toEqual(['EXTERNAL', `alice@${server.domain}`]);
      await close(session);
    });

    it('EXTERNAL: without a certificate, or with that of another domain, nobody is let in', async () => {
      const { certificate: cert, key } = server.authority.issueClient('eve', ['alice@elsewhere.example']);
      for (const own of [{}, { cert, key }]) {
        const transport = overStartTls(server, { tls: { ca: server.ca, ...own } });
        const made = attempt(optionsFor(server, 'alice', { credentials: { external: true }, transport }));
        expect(['sasl', 'tls', 'transport']).toContain((await made.failure()).layer);
      }
    });
  });
}
