import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { UsageError } from '../../../lib/errors/usage-error.js';
import { websocket } from '../../../lib/transport/node/websocket.js';
import { authority, type Identity } from '../../support/certificates.js';
import { connectContext } from '../../support/connect-context.js';
import { fakeWebSockets } from '../../support/fake-web-socket.js';
import { builtPackage, installBuiltPackage } from '../../support/built-package.js';
import { projectRoot } from '../../support/project-root.js';
import { watch } from '../../support/watch.js';

describe('websocket() for Node', () => {
  it('takes the constructor that it is given', () => {
    const { WebSocketCtor, sockets } = fakeWebSockets();
    const attempt = watch(websocket({ url: 'wss://example.org/', WebSocketCtor }).connect(connectContext()));
    sockets[0]!.open();
    expect(attempt.log).toEqual(['next']);
    attempt.unsubscribe();
    expect(sockets[0]!.closes).toEqual([1000]);
  });

  it('refuses options that it cannot keep', () => {
    const { WebSocketCtor } = fakeWebSockets();
    expect(() => websocket({ tls: {}, WebSocketCtor })).toThrow(UsageError);
    expect(() => websocket({ tls: { ca: 'nothing' } })).toThrow(/`tls.ca` holds something that is no certificate/);
  });
});

/** As applications have it: the `ws` package is looked for beside the one that is installed. */
describe('websocket() for Node, by the ws package', () => {
  let folder: string;
  let bare: string;
  let ca: string;
  const servers: Record<string, number> = {};
  const stops: (() => void)[] = [];

  async function serve(name: string, identity: Identity | undefined) {
    const http = identity && createServer({ cert: identity.cert, key: identity.key });
    const server = http ? new WebSocketServer({ server: http }) : new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const listening = http ?? server;
    await new Promise<void>((resolve) => {
      listening.once('listening', resolve);
      http?.listen(0, '127.0.0.1');
    });
    servers[name] = (listening.address() as AddressInfo).port;
    stops.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
      http?.close();
    });
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(builtPackage(), '../ws-'));
    bare = mkdtempSync(join(tmpdir(), 'rxmpp-'));
    writeFileSync(join(folder, 'package.json'), '{}');
    // The second has nothing beside it but rxjs.
    for (const at of [folder, bare]) installBuiltPackage(at);
    symlinkSync(join(projectRoot, 'node_modules/rxjs'), join(bare, 'node_modules/rxjs'));
    const root = await authority();
    ca = root.cert;
    await serve('plain', undefined);
    await serve('tls', await root.issue({ dns: ['localhost'], ip: ['127.0.0.1'] }));
    await serve('other', await root.issue({ dns: ['example.org'] }));
  }, 60_000);
  afterAll(() => {
    for (const stop of stops) stop();
    for (const at of [folder, bare]) rmSync(at, { recursive: true, force: true });
  });

  /** What is done with the connection: as source. */
  const leave = `({ tls }) => { console.log(JSON.stringify(['connected', tls?.protocol])); held.unsubscribe(); }`;
  const read = `(connection) => {
    const read = [];
    const decoder = new TextDecoder();
    connection.input$.subscribe({
      next: (text) => read.push(typeof text === 'string' ? text : decoder.decode(text)),
      error: ({ condition }) => console.log(JSON.stringify([...read, connection.bytesReceived, condition])),
    });
  }`;

  /** One attempt in a process of its own: what came of it. */
  async function outcome(
    config: string,
    { at = folder, format = 'mjs', env = {} as NodeJS.ProcessEnv, next = leave } = {},
  ) {
    const load = format === 'mjs' ? `await import('rxmpp/node')` : `require('rxmpp/node')`;
    const rxjs = format === 'mjs' ? `await import('rxjs')` : `require('rxjs')`;
    const file = join(at, `run.${format}`);
    writeFileSync(
      file,
      `(async () => {
        const { websocket } = ${load};
        const { asyncScheduler } = ${rxjs};
        const due = 5000;
        const timeouts = new Proxy({}, { get: () => due });
        // Whatever the version of Node is, it has none of its own.
        delete globalThis.WebSocket;
        const ca = ${JSON.stringify(ca)};
        const held = websocket(${config}).connect(
          { domain: 'example.org', tls: 'required', timeouts, scheduler: asyncScheduler, random: Math.random, trace: () => {} },
        ).subscribe({
          next: ${next},
          error: (error) => console.log(JSON.stringify([error.layer, error.condition, error.text])),
        });
      })();`,
    );
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) =>
      execFile(process.execPath, [file], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
        error ? reject(error as Error) : resolve({ stdout, stderr }),
      ),
    );
    expect(stderr).toBe('');
    // The first that is told; an input that ends with an error ends the connection with it, too.
    return JSON.parse(stdout.split('\n', 1)[0]!) as unknown[];
  }

  it.each(['mjs', 'cjs'])('connects where Node has no WebSocket of its own (%s)', async (format) => {
    expect(await outcome(`{ url: 'ws://127.0.0.1:${servers.plain}' }`, { format })).toEqual(['connected', 'loopback']);
  });

  it('reads texts, and refuses what was sent as binary (RFC 7395 section 3.2)', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    stops.push(() => server.close());
    server.on('connection', (socket) => {
      for (const text of ['<a/>', '<b>Ünï𝕏</b>']) socket.send(text);
      socket.send(Buffer.from('<c/>'), { binary: true });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const told = await outcome(`{ url: 'ws://127.0.0.1:${port}' }`, { next: read });
    expect(told).toEqual(['<a/>', '<b>Ünï𝕏</b>', 20, 'bad-format']);
  });

  it('trusts the CA that it is given', async () => {
    expect(await outcome(`{ url: 'wss://localhost:${servers.tls}', tls: { ca } }`)).toEqual(['connected', 'unknown']);
  });

  it.each([
    ['an unknown CA', () => `{ url: 'wss://localhost:${servers.tls}' }`, /unable to verify|self.signed/],
    [
      'an unknown CA, whatever else is passed (T4)',
      () => `{ url: 'wss://localhost:${servers.tls}', tls: { rejectUnauthorized: undefined } }`,
      /unable to verify|self.signed/,
    ],
    [
      'a certificate for another host (T3)',
      () => `{ url: 'wss://localhost:${servers.other}', tls: { ca } }`,
      /does not match certificate/,
    ],
  ])('refuses %s', async (_, config, text) => {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '' };
    expect(await outcome(config(), { env })).toEqual(['transport', 'websocket-failed', expect.stringMatching(text)]);
  });

  it('says what to install where ws is missing', async () => {
    expect(await outcome(`{ url: 'ws://127.0.0.1:${servers.plain}' }`, { at: bare })).toEqual([
      'usage',
      'no-websocket',
      'there is no WebSocket: install the `ws` package (Node 22 and newer need it for `tls` only)',
    ]);
  });
});
