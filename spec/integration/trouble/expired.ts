import { attempt, disconnectAll, optionsFor, overDirectTls, overStartTls } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

/** The last of its server: nobody can trust it any more. */
export const expired: Topic = {
  title: 'a certificate that has expired',
  specs: (_name, running) => {
    afterEach(disconnectAll);

    it('is refused', async () => {
      const server = running();
      server.authority.issueExpired('server', [server.domain]);
      await server.restart();
      for (const transport of [overStartTls(server), overDirectTls(server)]) {
        const made = attempt(optionsFor(server, 'alice', { transport }));
        expect(await made.failure()).toMatchObject({
          ...{ name: 'TlsError', layer: 'tls', condition: 'certificate-expired', phase: 'tls', retryable: false },
        });
        expect(made.events.filter((event) => event !== 'target-failed').slice(-2)).toEqual(['securing', 'failed']);
      }
    });
  },
};
