import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnosis, Finding } from '../../lib/cli/doctor/diagnosis.js';
import { httpsFetch } from '../../lib/cli/doctor/https-fetch.js';
import { nodeResolver } from '../../lib/node.js';
import { startServerAsync, type RunningServer, type StartServerOptions } from '../../lib/testing-node.js';
import { xml } from '../../lib/xml/index.js';
import { dnsServer, type DnsServer, type DnsZone } from '../servers/dns.js';
import { freePorts } from '../servers/index.js';
import { runInProcess } from './support/in-process.js';

const DOMAIN = 'example.test';

describe('rxmpp doctor', () => {
  let folder: string;
  let dns: DnsServer;
  const running: RunningServer[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxmpp-doctor-'));
    dns = await dnsServer();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.close()));
  });
  afterAll(async () => {
    await dns.close();
    rmSync(folder, { recursive: true });
  });

  const start = async (options: StartServerOptions = {}) => {
    const server = await startServerAsync({
      domain: DOMAIN,
      accounts: { alice: 'wonder' },
      webSocketPort: false,
      ...options,
    });
    running.push(server);
    writeFileSync(join(folder, 'ca.pem'), server.ca);
    return server;
  };
  const zone = ({ port, directPort }: { port: number; directPort?: number }): DnsZone => ({
    [`_xmpp-client._tcp.${DOMAIN} SRV`]: [{ target: `xmpp.${DOMAIN}`, port, priority: 5, weight: 7 }],
    ...(directPort && { [`_xmpps-client._tcp.${DOMAIN} SRV`]: [{ target: `xmpp.${DOMAIN}`, port: directPort }] }),
    [`xmpp.${DOMAIN} A`]: ['127.0.0.1'],
  });
  const examine = async (
    argv: readonly string[] = [],
    { who = DOMAIN, env }: { who?: string; env?: Record<string, string> } = {},
  ) => {
    const ca = ['--ca', join(folder, 'ca.pem')];
    const run = runInProcess(['doctor', who, '--dns', dns.address, ...ca, ...argv], { env });
    return { code: await run.exit, stdout: run.stdout, stderr: run.stderr, run };
  };
  const diagnose = async (...args: Parameters<typeof examine>) => {
    const [argv = [], more] = args;
    const { code, stdout, stderr } = await examine(['--json', ...argv], more);
    expect(stderr).toBe('');
    return { code, ...(JSON.parse(stdout) as Diagnosis & { findings: Finding[] }) };
  };
  const texts = (findings: readonly Finding[], severity: Finding['severity']) =>
    findings.filter((finding) => finding.severity === severity).map(({ text }) => text);

  it('tells of DNS, every server, TLS, what is offered, and of what an account gets', async () => {
    const server = await start({
      features: (standard, { secure, authenticated }) => [
        ...standard,
        ...(secure && !authenticated
          ? [
              xml(
                'sasl-channel-binding',
                { xmlns: 'urn:xmpp:sasl-cb:0' },
                xml('channel-binding', { type: 'tls-exporter' }),
              ),
            ]
          : []),
      ],
    });
    dns.zone = zone(server);
    const found = await diagnose([], { who: `alice@${DOMAIN}`, env: { XMPP_PASSWORD: 'wonder' } });
    expect(found).toMatchObject({
      code: 0,
      domain: DOMAIN,
      services: [
        { name: `_xmpps-client._tcp.${DOMAIN}`, records: [{ port: server.directPort }] },
        { name: `_xmpp-client._tcp.${DOMAIN}`, records: [{ port: server.port, priority: 5, weight: 7 }] },
      ],
      web: { urls: [], failure: { condition: 'discovery-failed' } },
      signIn: { mechanism: 'SCRAM-SHA-512', streamManagement: true },
    });
    expect(found.servers).toHaveLength(2);
    for (const [index, security] of (['direct', 'starttls'] as const).entries()) {
      expect(found.servers[index]).toMatchObject({
        host: `xmpp.${DOMAIN}`,
        address: '127.0.0.1',
        security,
        connectMs: expect.any(Number) as number,
        tlsMs: expect.any(Number) as number,
        tls: { protocol: 'TLSv1.3', certificate: { names: expect.arrayContaining([`DNS:${DOMAIN}`]) as string[] } },
        daysLeft: expect.any(Number) as number,
        mechanisms: expect.arrayContaining(['SCRAM-SHA-256', 'PLAIN']) as string[],
        channelBindings: ['tls-exporter'],
        saslInClear: false,
      });
      expect(found.servers[index]!.failure).toBeUndefined();
    }
    expect(texts(found.findings, 'error')).toEqual([]);
    expect(found.findings.at(-1)!.text).toMatch(/^no WebSocket is published/);
    expect(JSON.stringify(found)).not.toContain('wonder');
  });

  it('as a table for people', async () => {
    const server = await start();
    dns.zone = zone(server);
    const { code, stdout } = await examine();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^example\.test\n\nDNS\n {2}_xmpps-client\._tcp\.example\.test {2}0 0 xmpp\.example\.test:\d+\n/,
    );
    expect(stdout).toMatch(/\n {2}server +address +connect +TLS +certificate\n/);
    expect(stdout).toMatch(
      /\n {2}xmpp\.example\.test:\d+ +127\.0\.0\.1 +\d+ ms +STARTTLS TLSv1\.3 \d+ ms +\d+ days left\n/,
    );
    expect(stdout).toContain('not tried: it takes an account');
    expect(stdout).toContain('\nVerdict\n  clients can connect\n');
  });

  it.each([
    ['expired', { expired: true }, 'certificate-expired'],
    ['untrusted', { untrusted: true }, 'untrusted-certificate'],
    ['for another name', { names: ['other.test'] }, 'wrong-identity'],
  ] as const)(
    'a certificate that is %s: an error, and the rest is told all the same',
    async (_name, certificate, condition) => {
      const server = await start({ certificate });
      dns.zone = zone(server);
      const found = await diagnose();
      expect(found.code).toBe(1);
      for (const report of found.servers) {
        expect(report).toMatchObject({ certificateFailure: { condition, phase: 'tls' } });
        expect(report.mechanisms).toContain('SCRAM-SHA-256');
      }
      expect(texts(found.findings, 'error')[0]).toMatch(/clients refuse it$/);
      if (condition === 'certificate-expired') expect(found.servers[0]!.daysLeft).toBeLessThan(0);
    },
  );

  it('an address has no DNS to mend, and a remedy is in words of the command', async () => {
    await start();
    const { findings } = await diagnose([], { who: '127.0.0.1' });
    const notes = texts(findings, 'note');
    expect(notes.join()).not.toContain('AAAA');
    expect(notes).toContainEqual(expect.stringMatching(/^no WebSocket is published for browsers \([^`]*\);/));
  });

  it('a server without STARTTLS: an error that says so', async () => {
    const { port } = await start({ tls: 'off' });
    dns.zone = zone({ port });
    const found = await diagnose();
    expect([found.code, found.servers[0]!.failure]).toMatchObject([
      1,
      { condition: 'tls-unavailable', phase: 'starttls' },
    ]);
    expect(texts(found.findings, 'warning').some((text) => text.includes('before TLS'))).toBe(true);
  });

  it('one server of several that is dead is a warning, and each address is told', async () => {
    const [{ port }, [dead]] = [await start(), await freePorts(1)];
    dns.zone = {
      ...zone({ port }),
      [`_xmpp-client._tcp.${DOMAIN} SRV`]: [
        { target: `dead.${DOMAIN}`, port: dead!, priority: 1 },
        { target: `xmpp.${DOMAIN}`, port, priority: 2 },
        { target: `nowhere.${DOMAIN}`, port, priority: 3 },
      ],
      [`dead.${DOMAIN} A`]: ['127.0.0.1', '127.0.0.2'],
    };
    const found = await diagnose();
    expect(found.servers.map(({ host, address, failure }) => [host, address, failure?.condition])).toEqual([
      [`dead.${DOMAIN}`, '127.0.0.1', 'connection-refused'],
      [`dead.${DOMAIN}`, '127.0.0.2', 'connection-refused'],
      [`xmpp.${DOMAIN}`, '127.0.0.1', undefined],
      [`nowhere.${DOMAIN}`, undefined, 'dns-no-address'],
    ]);
    const told = texts(found.findings, 'warning').filter((text) => /^(dead|nowhere)\./.test(text));
    expect([found.code, told.length]).toEqual([0, 3]);
  });

  it.each([
    [
      'says that it has no service',
      { [`_xmpp-client._tcp.${DOMAIN} SRV`]: [{ target: '.', port: 0 }] },
      /no XMPP service/,
    ],
    ['has a DNS server that fails', { [`_xmpp-client._tcp.${DOMAIN} SRV`]: 'SERVFAIL' }, /the DNS server failed/],
    ['is nowhere', {}, /has no address/],
  ] as const)('a domain that %s', async (_name, records: DnsZone, text) => {
    await start();
    dns.zone = records;
    const found = await diagnose();
    expect([found.code, texts(found.findings, 'error').join()]).toEqual([1, expect.stringMatching(text)]);
  });

  it('no stream management, and no SCRAM: warnings', async () => {
    const server = await start({ streamManagement: false, mechanisms: ['PLAIN', 'SCRAM-SHA-1'] });
    dns.zone = zone(server);
    const found = await diagnose([], { who: `alice@${DOMAIN}`, env: { XMPP_PASSWORD: 'wonder' } });
    expect(texts(found.findings, 'warning').join()).toContain('XEP-0198');
    expect(texts(found.findings, 'note').join()).toContain('SHA-1 only');
  });

  it('a wrong password is told, and no secret with it', async () => {
    const server = await start();
    dns.zone = zone(server);
    const found = await diagnose([], { who: `alice@${DOMAIN}`, env: { XMPP_PASSWORD: 'guess-77' } });
    expect([found.code, found.signIn?.failure?.condition]).toEqual([1, 'not-authorized']);
    expect(JSON.stringify(found)).not.toContain('guess-77');
  });

  it('gives all of it up on a signal', async () => {
    await start();
    dns.zone = { [`_xmpp-client._tcp.${DOMAIN} SRV`]: 'silence' };
    const run = runInProcess(['doctor', DOMAIN, '--dns', dns.address]);
    await dns.asked(`_xmpp-client._tcp.${DOMAIN}`);
    run.signal('SIGINT');
    expect([await run.exit, run.observed, run.stdout]).toEqual([130, false, '']);
  });

  it.each([
    [['doctor'], 'takes one domain'],
    [['doctor', 'a.example', 'b.example'], 'takes one domain'],
    [['docter', 'a.example'], 'belongs to no option'],
    [['doctor', 'a b'], 'cannot be used'],
    [['doctor', 'a.example', '--to', 'b@example.org'], 'takes no --to'],
    [['doctor', 'a.example', '--dns', 'ns.example'], '--dns is the IP address'],
    [['doctor', 'a.example', '--dns', '127.0.0.1:99999'], '--dns is the IP address'],
    [['doctor', 'a.example', '--ca', '/nonexistent'], 'there is no such file'],
    [['--dns', '127.0.0.1'], '--dns is for rxmpp doctor'],
  ])('%j is wrong usage', async (argv, text) => {
    const run = runInProcess(argv);
    expect([await run.exit, run.stderr]).toEqual([2, expect.stringContaining(text)]);
  });

  it('reads host-meta by the DNS server and the CA that it was given', async () => {
    const server = await start({ certificate: { names: [`web.${DOMAIN}`] } });
    dns.zone = { [`web.${DOMAIN} A`]: ['127.0.0.1'] };
    const fetch = httpsFetch(nodeResolver({ servers: [dns.address] }), server.ca);
    const port = new URL(server.secureWebSocketUrl).port;
    const init = { redirect: 'error', credentials: 'omit', headers: {} } as const;
    const load = (host: string) =>
      fetch(`https://${host}:${port}/.well-known/host-meta.json`, { ...init, signal: AbortSignal.timeout(20_000) });
    const { ok, body } = await load(`web.${DOMAIN}`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
    expect([ok, JSON.parse(Buffer.concat(chunks).toString())]).toMatchObject([
      true,
      { links: [{ href: `wss://web.${DOMAIN}:${port}/xmpp-websocket` }] },
    ]);
    await expect(load(`gone.${DOMAIN}`)).rejects.toThrow('has no address');
  });
});
