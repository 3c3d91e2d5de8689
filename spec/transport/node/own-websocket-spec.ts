import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { startServerAsync, type RunningServer, type StartServerOptions } from '../../../lib/testing-node.js';
import { closedPort } from '../../support/loopback.js';
import { describeWithNode } from '../../support/node-of-npm.js';
import { projectRoot } from '../../support/project-root.js';

const PASSWORDS = { alice: 'wonder', bob: 'builder' };

/** `websocket()` by the WebSocket that Node has of its own from 22 on: no package, the CAs of `NODE_EXTRA_CA_CERTS`. */
describeWithNode('22', (nodeWithOne) => {
  let folder: string;
  let node: string;
  let server: RunningServer;

  beforeAll(() => {
    node = nodeWithOne();
    // Outside the project: `ws` cannot be loaded there.
    folder = mkdtempSync(join(tmpdir(), 'rxmpp-'));
    buildSync({
      entryPoints: [join(projectRoot, 'spec/transport/node/support/own-websocket.ts')],
      outfile: join(folder, 'run.mjs'),
      ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', external: ['ws'] },
    });
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => server?.close());

  const serve = async (options: StartServerOptions = {}) => {
    server = await startServerAsync({ accounts: PASSWORDS, directPort: false, ...options });
    writeFileSync(join(folder, 'ca.pem'), server.ca);
  };

  /** Runs it to its end, which it comes to by itself, and gives what it printed last. */
  async function run(what: 'talk' | 'fail', url: string, env: Record<string, string> = {}): Promise<unknown> {
    const { PATH, HOME } = process.env;
    const args = [join(folder, 'run.mjs'), what, url, JSON.stringify(PASSWORDS)];
    const child = spawn(node, args, { env: { PATH, HOME, ...env }, stdio: 'pipe' });
    const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (text.includes('cut\n')) child.stdin.write(`${server.server.cut()}\n`);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined);
    const code = await new Promise((ended) => child.once('close', ended));
    clearTimeout(limit);
    expect([stderr, code]).toEqual(['', 0]);
    return JSON.parse(stdout.trim().split('\n').at(-1)!);
  }

  it.each<[string, () => [url: string, env?: Record<string, string>]]>([
    ['ws: on the loopback', () => [server.webSocketUrl]],
    [
      'wss:, with a CA of NODE_EXTRA_CA_CERTS',
      () => [byName(server.secureWebSocketUrl), { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }],
    ],
  ])('talks over %s, resumes after a cut with nothing lost, and closes in good order', async (_, over) => {
    await serve();
    expect(await run('talk', ...over())).toEqual({
      node: expect.stringMatching(/^(2[2-9]|[3-9]\d)\./),
      mechanisms: ['SCRAM-SHA-512', 'SCRAM-SHA-512'],
      states: ['queued', 'written', 'acked'],
      same: true,
      heard: [1, 2].map((index) => [1, 2, 3].map((number) => `to ${index === 1 ? 'alice' : 'bob'} ${number}`)),
      ends: ['complete', 'complete'],
    });
    const told = (event: string) => server.server.log.filter((entry) => entry.event === event).length;
    expect([told('bound'), told('resumed'), server.server.connections]).toEqual([2, 2, 0]);
  });

  it.each<[string, StartServerOptions, () => Record<string, string>]>([
    ['a CA that it does not know', {}, () => ({})],
    [
      'a certificate for another host',
      { certificate: { names: ['example.org'] } },
      () => ({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }),
    ],
  ])('refuses %s', async (_, options, env) => {
    await serve(options);
    const error = await run('fail', byName(server.secureWebSocketUrl), env());
    expect(error).toMatchObject({ layer: 'transport', condition: 'websocket-failed', phase: 'connect' });
    expect(server.server.accepted).toBe(0);
  });

  it('tells where nobody listens', async () => {
    const error = await run('fail', `ws://127.0.0.1:${await closedPort()}/`);
    expect(error).toMatchObject({ layer: 'transport', condition: 'websocket-failed', phase: 'connect' });
  });
});

/** The certificate is for both, but Node's WebSocket names no address to the server. */
const byName = (url: string) => url.replace('127.0.0.1', 'localhost');
