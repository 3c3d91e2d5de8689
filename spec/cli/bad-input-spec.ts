import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerAsync, type RunningServer, type StartServerOptions } from '../../lib/testing/node/start-server.js';
import { authority, type Authority } from '../support/certificates.js';
import { closedPort, tcpServer, tlsServer } from '../support/loopback.js';
import { builtCommand, type BuiltCommand, type Ended } from './support/command.js';

const PASSWORD = 'correct horse battery staple';

/** What a row gives the command, and what is to be undone. */
interface Trouble {
  readonly argv: readonly string[];
  readonly end?: () => Promise<unknown> | void;
}

let command: BuiltCommand;
let folder: string;
let ca: Authority;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  command = builtCommand();
  folder = mkdtempSync(join(tmpdir(), 'rxmpp-cli-'));
  ca = await authority();
  writeFileSync(file('ca.pem'), ca.cert);
  writeFileSync(file('empty.pem'), '');
  writeFileSync(file('key.pem'), ca.key);
  writeFileSync(file('damaged.pem'), ca.cert.replace(/^.{60}$/m, 'A'.repeat(60)).replace(/\n(.)/, '\nB$1'));
}, 60_000);

afterAll(() => {
  command.killAll();
  rmSync(folder, { recursive: true, force: true });
});

/** A clear sentence, and nothing else: no stack, no secret. */
function sentence({ stdout, stderr }: Ended): string {
  expect(stdout + stderr).not.toContain(PASSWORD);
  expect(stdout + stderr).not.toContain(Buffer.from(PASSWORD).toString('base64'));
  expect(stdout + stderr).not.toMatch(/\n\s+at .*:\d+/);
  // In the words of the command, not those of the library's options.
  expect(stderr).not.toMatch(/`|credentials\.|undefined|\[object/);
  expect(stderr.split('\n')).toHaveLength(2);
  expect(stderr).toMatch(/^rxmpp: .*\n$/);
  return stderr.slice('rxmpp: '.length, -1);
}

const dial = (port: number, ...more: string[]) => [
  ...['--jid', 'alice@localhost', '--host', '127.0.0.1', '--port', String(port)],
  ...more,
];

/** The embedded server, trusted or not. */
async function embedded(options: StartServerOptions = {}, trusted = true, ...more: string[]): Promise<Trouble> {
  const server: RunningServer = await startServerAsync({ accounts: { alice: 'another' }, ...options });
  const name = `${server.port}.pem`;
  writeFileSync(file(name), server.ca);
  return { argv: dial(server.port, ...(trusted ? ['--ca', file(name)] : []), ...more), end: () => server.close() };
}

async function http(): Promise<Trouble> {
  const server = createServer((_, response) => response.end('hello'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    argv: dial(port),
    end: () => new Promise<void>((done) => void server.close(() => done()).closeAllConnections()),
  };
}

async function saying(text: string | undefined, ...more: string[]): Promise<Trouble> {
  const server = await tcpServer((socket) => {
    socket.resume();
    if (text !== undefined) socket.write(text);
  });
  return { argv: dial(server.port, ...more), end: () => server.close() };
}

async function overTls(text: string | undefined, ...more: string[]): Promise<Trouble> {
  const identity = await ca.issue({ dns: ['localhost'] });
  const server = await tlsServer({ ...identity, ALPNProtocols: ['xmpp-client'] }, (socket) => {
    socket.resume();
    if (text !== undefined) socket.end(text);
  });
  return { argv: dial(server.port, '--ca', file('ca.pem'), ...more), end: () => server.close() };
}

describe('a wrong call', () => {
  it.each<[string, () => readonly string[], RegExp]>([
    ['an invalid JID', () => ['--jid', 'alice@'], /^--jid cannot be used: .*; write it as user@example\.org$/],
    ['an unknown option', () => ['--jit', 'a@b'], /^there is no option --jit; see rxmpp --help$/],
    ['a bad port', () => ['--jid', 'a@b', '--port', 'xmpp'], /^--port is a number/],
    ['a password among the arguments', () => ['--jid', 'a@b', '--password', PASSWORD], /XMPP_PASSWORD/],
    [
      'a missing CA file',
      () => dial(5222, '--ca', file('none.pem')),
      /^--ca .* cannot be used: there is no such file; give/,
    ],
    ['a folder for a CA file', () => dial(5222, '--ca', folder), /^--ca .* cannot be used: it is a folder; give/],
    ['an empty CA file', () => dial(5222, '--ca', file('empty.pem')), /^--ca .* it holds no certificate in PEM form/],
    ['a key for a CA', () => dial(5222, '--ca', file('key.pem')), /^--ca .* it holds no certificate in PEM form/],
    [
      'a damaged CA file',
      () => dial(5222, '--ca', file('damaged.pem')),
      /^--ca .* it holds a certificate that is damaged/,
    ],
  ])('%s', async (_, argv, expected) => {
    const ended = await command.run(argv(), { env: { XMPP_PASSWORD: PASSWORD }, input: '' }).ended;
    expect(sentence(ended)).toMatch(expected);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([undefined, ''])('no password: XMPP_PASSWORD is %j, and there is no terminal to ask at', async (password) => {
    const env: Record<string, string> = password === undefined ? {} : { XMPP_PASSWORD: password };
    const ended = await command.run(dial(5222), { env, input: 'not this\n' }).ended;
    expect(sentence(ended)).toMatch(/^there is no password; set the environment variable XMPP_PASSWORD/);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a server that cannot be used', () => {
  it.each<[string, () => Promise<Trouble> | Trouble, RegExp]>([
    [
      'a host that does not exist',
      () => ({ argv: ['--jid', 'alice@localhost', '--host', 'no-such-host.invalid', '--timeout', '5'] }),
      /^failed in phase resolve .*no-such-host\.invalid.*\?|^nothing within/,
    ],
    [
      // A multicast address, to which no machine connects by TCP.
      'a host that cannot be reached',
      () => ({ argv: ['--jid', 'alice@localhost', '--host', '224.0.0.1', '--timeout', '2'] }),
      /^failed in phase connect \(network-unreachable\): .*is this machine online\?$/,
    ],
    [
      'a connection that is refused',
      async () => ({ argv: dial(await closedPort()) }),
      /^failed in phase connect \(connection-refused\): .* is the port right\?$/,
    ],
    [
      'an untrusted certificate',
      () => embedded({}, false),
      /^failed in phase tls \(untrusted-certificate\): .*leads to no trusted CA.* give its certificate by --ca FILE$/,
    ],
    [
      'a certificate of another CA',
      () => embedded({ certificate: { untrusted: true } }),
      /^failed in phase tls \(untrusted-certificate\): .* --ca/,
    ],
    [
      'an expired certificate',
      () => embedded({ certificate: { expired: true } }),
      /^failed in phase tls \(certificate-expired\): .* has expired; its operator must renew it$/,
    ],
    [
      'a certificate for another host',
      () => embedded({ certificate: { names: ['elsewhere.test'] } }),
      /^failed in phase tls \(wrong-identity\): .*for elsewhere\.test, not for localhost.*; is the domain of the JID right\?/,
    ],
    [
      'a wrong password',
      () => embedded(),
      /^failed in phase sasl \(not-authorized\): .*; are user name and password right\?/,
    ],
    [
      'an account that does not exist',
      () => embedded({ accounts: {} }),
      /^failed in phase sasl \(not-authorized\): .*; are user name and password right\?/,
    ],
    [
      'nothing but PLAIN',
      () => embedded({ mechanisms: ['PLAIN'] }),
      /^failed in phase sasl \(no-mechanism\): the server offers PLAIN; PLAIN needs --allow-plain$/,
    ],
    [
      'a server without TLS',
      () => embedded({ tls: 'off' }),
      /^failed in phase starttls \(tls-unavailable\): the server offers no TLS.*--tls preferred would go on without/,
    ],
    [
      'another domain',
      () => embedded({ domain: 'example.org' }),
      /^failed in phase (open|features) \(host-unknown\): .*check the domain/,
    ],
    ['a web server', http, /^failed in phase open .*is it an XMPP server, and the port right\?/],
    [
      'an SSH server',
      () => saying('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n'),
      /^failed in phase open .*is it an XMPP server, and the port right\?/,
    ],
    ['a mail server', () => saying('220 mail.example.org ESMTP\r\n'), /^failed in phase open .*is it an XMPP server/],
    [
      'silence',
      () => saying(undefined, '--timeout', '0.2'),
      /^failed in phase open \(timeout\): nothing within 200 ms: .*is it an XMPP server, and the port right\?/,
    ],
    [
      'silence where TLS is due',
      () => saying(undefined, '--direct-tls', '--timeout', '0.2'),
      /^failed in phase tls \(timeout\): nothing within 200 ms: .*does the server speak TLS on this port\?$/,
    ],
    [
      'a plain server where TLS is due',
      () => saying('220 mail.example.org ESMTP\r\n', '--direct-tls'),
      /^failed in phase tls \(handshake-failed\): .*does not speak TLS on this port; try it without --direct-tls$/,
    ],
    [
      'a TLS port where STARTTLS is due',
      () => overTls(undefined, '--timeout', '2'),
      /^failed in phase open .*is it an XMPP server.*--direct-tls/,
    ],
    [
      'a web server behind TLS',
      () => overTls('HTTP/1.1 400 Bad Request\r\n\r\n', '--direct-tls'),
      /^failed in phase open .*is it an XMPP server, and the port right\?/,
    ],
    [
      'a server of another protocol behind TLS',
      async () => {
        const identity = await ca.issue({ dns: ['localhost'] });
        const server = await tlsServer({ ...identity, ALPNProtocols: ['http/1.1'] });
        return { argv: dial(server.port, '--ca', file('ca.pem'), '--direct-tls'), end: () => server.close() };
      },
      /^failed in phase tls \(handshake-failed\): .*is it an XMPP server, and the port right\?$/,
    ],
    [
      'a server that hangs up',
      async () => {
        const server = await tcpServer((socket) => socket.destroy());
        return { argv: dial(server.port), end: () => server.close() };
      },
      /^failed in phase open \(connection-(closed|reset)\): .*is it an XMPP server/,
    ],
    ...(['features', 'starttls', 'sasl', 'bind'] as const).map((at): [string, () => Promise<Trouble>, RegExp] => [
      `silence at ${at}`,
      () => embedded({ accounts: { alice: PASSWORD }, faults: [{ at, do: 'mute' }] }, true, '--timeout', '0.5'),
      new RegExp(`^failed in phase ${at} \\(timeout\\): nothing within 500 ms: .*try again later.*--timeout$`),
    ]),
    [
      'a server that is too busy',
      () =>
        embedded({
          accounts: { alice: PASSWORD },
          faults: [{ at: 'bind', do: 'refuse', condition: 'resource-constraint' }],
        }),
      /^failed in phase bind \(resource-constraint\): .*too many sessions; try again later$/,
    ],
  ])('%s', async (_, prepare, expected) => {
    const { argv, end } = await prepare();
    try {
      const ended = await command.run(argv, { env: { XMPP_PASSWORD: PASSWORD }, input: 'hello\n' }).ended;
      expect(sentence(ended)).toMatch(expected);
      expect(ended.code).toBe(1);
      // The trace names it too, once.
      expect(ended.stdout.match(/ms {2}failed {2}/g)).toHaveLength(1);
    } finally {
      await end?.();
    }
  });
});
