import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RealServer } from '../../servers/index.js';
import { attempt, disconnectAll, optionsFor, overDirectTls, overStartTls } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

/** The last of its server: nobody can trust it any more. */
export const expired: Topic = {
  title: 'a certificate that has expired',
  specs: (_name, running) => {
    afterEach(disconnectAll);

    it('is refused', async () => {
      const server = running();
      expireCertificate(server);
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

/** Replaces the server's certificate by one of the same authority and key that ended yesterday. */
function expireCertificate(server: RealServer): void {
  const file = (ending: string) => join(dirname(server.caFile), ending);
  execFileSync(
    'openssl',
    [
      ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-days', '-1'],
      ...['-CAcreateserial', '-sha256', '-extfile', file('server.ext'), '-out', file('server.crt')],
    ],
    { stdio: 'pipe' },
  );
  writeFileSync(
    file('server.pem'),
    readFileSync(file('server.crt'), 'utf8') + readFileSync(file('server.key'), 'utf8'),
  );
}
