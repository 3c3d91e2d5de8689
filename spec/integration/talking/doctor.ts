import type { Diagnosis, Finding } from '../../../lib/cli/doctor/diagnosis.js';
import { runInProcess } from '../../cli/support/in-process.js';
import { dnsServer, type DnsServer } from '../../servers/dns.js';
import type { RealServer } from '../../servers/index.js';
import type { Topic } from '../support/topic.js';

const DOMAIN = 'chat.example';

/** The command that looks at a domain and says what is wrong. */
export const doctor: Topic = {
  title: 'rxmpp doctor',
  needs: () => ({ hosts: { [DOMAIN]: { users: { alice: 'wonder' } } } }),
  specs: (_name, running) => {
    let server: RealServer;
    let dns: DnsServer;
    beforeAll(async () => {
      server = running().at(DOMAIN);
      dns = await dnsServer({
        [`_xmpp-client._tcp.${DOMAIN} SRV`]: [{ target: `xmpp.${DOMAIN}`, port: server.ports.c2s }],
        [`_xmpps-client._tcp.${DOMAIN} SRV`]: [{ target: `xmpp.${DOMAIN}`, port: server.ports.tls }],
        [`xmpp.${DOMAIN} A`]: ['127.0.0.1'],
      });
    });
    afterAll(() => dns?.close());

    it('rxmpp doctor: DNS, TLS, what is offered, signing in, and a verdict', async () => {
      const argv = [
        'doctor',
        `alice@${DOMAIN}`,
        '--dns',
        dns.address,
        '--ca',
        server.caFile,
        '--timeout',
        '20',
        '--json',
      ];
      const run = runInProcess(argv, { env: { XMPP_PASSWORD: server.users['alice']! } });
      const code = await run.exit;
      const found = JSON.parse(run.stdout) as Diagnosis & { findings: Finding[] };
      expect({
        code,
        stderr: run.stderr,
        errors: found.findings.filter(({ severity }) => severity === 'error'),
      }).toEqual({
        code: 0,
        stderr: '',
        errors: [],
      });
      expect(found.servers.map(({ security, port }) => [security, port]).sort()).toEqual([
        ['direct', server.ports.tls],
        ['starttls', server.ports.c2s],
      ]);
      for (const report of found.servers) {
        expect(report).toMatchObject({ address: '127.0.0.1', tls: { protocol: 'TLSv1.3' }, saslInClear: false });
        expect(report.mechanisms).toContain('SCRAM-SHA-1');
        expect(report.daysLeft).toBeLessThan(3);
      }
      expect(found.findings.map(({ text }) => text).join('\n')).toMatch(/the certificate ends in 1 days; renew it/);
      expect(found.signIn).toMatchObject({ streamManagement: true });
      expect(found.signIn!.mechanism).toMatch(/^SCRAM-SHA-1/);
    });
  },
};
