import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { filter, firstValueFrom, type Subscription } from 'rxjs';
import { WebSocket } from 'ws';
import { websocket, xml, xmppClient, type WebSocketCtor, type XmppClient } from '../../../../lib/index.js';
import { startServerAsync, type RunningServer, type StartServerOptions } from '../../../../lib/testing-node.js';
import type { Fetch } from '../../../../lib/transport/websocket/host-meta.js';
import { Opcode } from '../../../../lib/testing/node/websocket/frame.js';
import { clientFrame } from '../../support/client-frame.js';

const OPEN = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>`;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function request(changes: Readonly<Record<string, string | undefined>> = {}, line = 'GET /xmpp-websocket HTTP/1.1') {
  const headers: Record<string, string | undefined> = {
    Host: 'example.org',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'xmpp',
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return [line, ...lines, '', ''].join('\r\n');
}

/** The server hears of an end in a later turn than the client. */
async function noConnections({ server }: RunningServer): Promise<void> {
  while (server.connections > 0) await new Promise((done) => setImmediate(done));
}

describe('startServer over WebSocket', () => {
  const open: (() => unknown)[] = [];
  const start = async (options: StartServerOptions = {}): Promise<RunningServer> => {
    const server = await startServerAsync({
      domain: 'example.org',
      accounts: { alice: 'wonder', bob: 'build' },
      ...options,
    });
    open.push(() => server.close());
    return server;
  };
  afterEach(async () => {
    await Promise.all(
      open
        .splice(0)
        .reverse()
        .map((close) => close()),
    );
  });

  /** Octets in and out of the port, and its end. */
  const dial = async (url: string) => {
    const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
    open.push(() => socket.destroy());
    await once(socket, 'connect');
    let received = Buffer.alloc(0);
    let wake: () => void = () => undefined;
    const error = { code: undefined as string | undefined };
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      wake();
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (error.code = code));
    const closed = new Promise<void>((done) => socket.once('close', () => done()));
    void closed.then(() => wake());
    return {
      socket,
      error,
      closed,
      /** All up to this text, which is taken. */
      until: async (text: string): Promise<string> => {
        for (;;) {
          const at = received.indexOf(text);
          if (at >= 0) {
            const taken = received.subarray(0, at + text.length).toString('latin1');
            received = received.subarray(at + text.length);
            return taken;
          }
          if (socket.destroyed) throw new Error(`ended after ${received.toString('latin1')}`);
          await new Promise<void>((resume) => (wake = resume));
        }
      },
      rest: async (): Promise<Buffer> => {
        await closed;
        return received;
      },
    };
  };
  const shake = async (url: string) => {
    const client = await dial(url);
    client.socket.write(request());
    await client.until('\r\n\r\n');
    return client;
  };

  describe('the opening handshake', () => {
    it('is that of RFC 6455, with the subprotocol of RFC 7395', async () => {
      const client = await dial((await start()).webSocketUrl);
      client.socket.write(request({ 'Sec-WebSocket-Protocol': 'chat, xmpp', Connection: 'keep-alive, Upgrade' }));
      const answer = await client.until('\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 101 /);
      expect(answer).toContain(`\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`);
      expect(answer).toContain('\r\nSec-WebSocket-Protocol: xmpp\r\n');
      expect(answer).not.toMatch(/Extensions/i);
    });

    it.each<[string, string, number]>([
      ['another path', request({}, 'GET /chat HTTP/1.1'), 404],
      ['another method', request({}, 'POST /xmpp-websocket HTTP/1.1'), 400],
      ['another protocol', request({ Upgrade: 'h2c' }), 400],
      ['another version', request({ 'Sec-WebSocket-Version': '8' }), 426],
      ['no version', request({ 'Sec-WebSocket-Version': undefined }), 426],
      ['no key', request({ 'Sec-WebSocket-Key': undefined }), 400],
      ['a short key', request({ 'Sec-WebSocket-Key': 'AAAA' }), 400],
      ['no subprotocol', request({ 'Sec-WebSocket-Protocol': undefined }), 400],
      ['another subprotocol', request({ 'Sec-WebSocket-Protocol': 'xmpp2, mqtt' }), 400],
      ['no WebSocket at all', request({ Upgrade: undefined, Connection: 'close' }), 404],
    ])('is refused for %s', async (_, text, status) => {
      const { server, webSocketUrl } = await start();
      const client = await dial(webSocketUrl);
      client.socket.write(text);
      expect((await client.rest()).toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(server.accepted).toBe(0);
    });

    it('may bring the first frames along', async () => {
      const client = await dial((await start()).webSocketUrl);
      client.socket.write(Buffer.concat([Buffer.from(request()), clientFrame(Opcode.text, OPEN)]));
      expect(await client.until('</stream:features>')).toContain('SCRAM-SHA-256');
    });
  });

  describe('frames', () => {
    it('are a message each, in fragments or not', async () => {
      const client = await shake((await start()).webSocketUrl);
      client.socket.write(clientFrame(Opcode.text, OPEN.slice(0, 20), false));
      client.socket.write(clientFrame(Opcode.ping, 'hi'));
      client.socket.write(clientFrame(Opcode.continuation, OPEN.slice(20)));
      const answer = await client.until('</stream:features>');
      expect(answer).toContain('\x8a\x02hi');
      expect(answer).toMatch(/\x81.{3}<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'[^>]*\/>\x81/s);
    });

    it.each<[string, Buffer, number]>([
      ['not masked', Buffer.from([0x81, 0]), 1002],
      ['binary', clientFrame(Opcode.binary, 'x'), 1003],
      ['no UTF-8', clientFrame(Opcode.text, Buffer.from([0xff])), 1007],
      ['too long', Buffer.from([0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ])('that are %s close the connection', async (_, octets, code) => {
      const server = await start();
      const client = await shake(server.webSocketUrl);
      client.socket.write(octets);
      const answer = await client.rest();
      expect([answer[0], answer.readUInt16BE(2)]).toEqual([0x88, code]);
      expect(client.error.code).toBeUndefined();
      await noConnections(server);
    });

    it('with something else than one element are a stream error', async () => {
      const client = await shake((await start()).webSocketUrl);
      client.socket.write(clientFrame(Opcode.text, OPEN));
      await client.until('</stream:features>');
      client.socket.write(clientFrame(Opcode.text, '<message><body>half'));
      expect(await client.until('<close ')).toMatch(/not-well-formed|bad-format/);
    });

    it('of a close are answered, and then the server hangs up', async () => {
      const server = await start();
      const client = await shake(server.webSocketUrl);
      client.socket.write(clientFrame(Opcode.close, Buffer.from([0x03, 0xe9])));
      expect([...(await client.rest())]).toEqual([0x88, 2, 0x03, 0xe9]);
      await noConnections(server);
    });
  });

  describe('a session', () => {
    const WebSocketCtor = WebSocket as unknown as WebSocketCtor;
    const clientOf = (url: string | undefined, account = 'alice', more: { ca?: string; fetch?: Fetch } = {}) => {
      const Secure = class extends WebSocket {
        constructor(to: string, protocols: string[]) {
          super(to, protocols, { ca: more.ca });
        }
      } as unknown as WebSocketCtor;
      const client = xmppClient({
        jid: `${account}@example.org`,
        credentials: { password: account === 'alice' ? 'wonder' : 'build' },
        transport: websocket({ url, WebSocketCtor: more.ca ? Secure : WebSocketCtor, fetch: more.fetch }),
        reconnect: { backoff: () => 1 },
      });
      const held: Subscription = client.connect();
      open.push(
        () =>
          new Promise<void>((done) => {
            client.close().subscribe({ complete: done, error: () => done() });
            held.add(done);
            setImmediate(() => held.unsubscribe());
          }),
      );
      return client;
    };
    const online = (client: XmppClient) =>
      firstValueFrom(client.session$.pipe(filter(({ resumed }) => !resumed))).then(() => undefined);

    it.each(['ws', 'wss'] as const)('is had by websocket(), over %s', async (scheme) => {
      const server = await start();
      const url = (scheme === 'ws' ? server.webSocketUrl : server.secureWebSocketUrl).replace('127.0.0.1', 'localhost');
      const more = scheme === 'ws' ? {} : { ca: server.ca };
      const [alice, bob] = [clientOf(url, 'alice', more), clientOf(url, 'bob', more)];
      await Promise.all([online(alice), online(bob)]);
      bob.send(xml('presence'));
      const text = '\u{1f408} € '.repeat(20_000);
      const got = firstValueFrom(bob.message$);
      alice.send(xml('message', { to: bob.session!.jid.toString(), type: 'chat' }, xml('body', {}, text)));
      expect((await got).child('body')!.text()).toBe(text);
      await new Promise<void>((complete) => alice.close().subscribe({ complete }));
      expect(server.server.sessions.map(({ jid }) => jid)).toEqual([bob.session!.jid.toString()]);
    });

    it('is found by what host-meta tells', async () => {
      const server = await start();
      const asked: string[] = [];
      const { port } = new URL(server.secureWebSocketUrl);
      const fetch: Fetch = (url) => {
        asked.push(url);
        const { pathname } = new URL(url);
        return new Promise((done, failed) =>
          httpsGet({ host: 'localhost', port, path: pathname, ca: server.ca }, (response) =>
            done({ ok: response.statusCode === 200, status: response.statusCode!, body: response }),
          ).on('error', failed),
        );
      };
      const client = clientOf(undefined, 'alice', { ca: server.ca, fetch });
      await online(client);
      expect(asked).toEqual(['https://example.org/.well-known/host-meta.json']);
    });

    it('is resumed after a cut, and after one in the midst of a message', async () => {
      const { server, webSocketUrl } = await start();
      const client = clientOf(webSocketUrl);
      await online(client);
      const resumptions = () =>
        firstValueFrom(client.status$.pipe(filter((status) => status.kind === 'online' && status.resumed)));
      const jid = client.session!.jid.toString();
      expect(server.cut()).toBe(1);
      await resumptions();
      const { sent } = await new Promise<{ sent: number }>((done) =>
        // The octets that this connection has had so far, by what the client has received.
        client.bytes$.subscribe(() => done({ sent: client.session!.bytes.received })).unsubscribe(),
      );
      server.fault({ at: { sent: sent + 40 }, do: 'cut', times: 1 });
      const got = firstValueFrom(client.message$);
      server.send(jid, xml('message', { from: 'bob@example.org', to: jid }, xml('body', {}, 'whole')));
      expect((await got).child('body')!.text()).toBe('whole');
      expect(server.log.filter(({ event }) => event === 'resumed')).toHaveLength(2);
    });

    it.each([
      ['cuts', 'cut'],
      ['ends', 'end'],
    ] as const)('begins anew when the server %s at bind', async (_, fault) => {
      const { server, webSocketUrl } = await start({ faults: [{ at: 'bind', do: fault, times: 1 }] });
      const client = clientOf(webSocketUrl);
      await online(client);
      expect(server.log.filter(({ event }) => event === 'fault')).toHaveLength(1);
    });

    it('is told when the server stops, and leaves nothing behind', async () => {
      const server = await start();
      const client = clientOf(server.webSocketUrl);
      await online(client);
      const waiting = firstValueFrom(client.status$.pipe(filter(({ kind }) => kind === 'waiting')));
      await server.close();
      expect(await waiting).toMatchObject({ error: { condition: 'system-shutdown' } });
      expect(server.server.connections).toBe(0);
    });
  });

  describe('host-meta', () => {
    const ask = async (url: string, path: string, more: object = {}) => {
      const { port, protocol } = new URL(url);
      const get = protocol === 'ws:' ? httpGet : httpsGet;
      const response = await new Promise<IncomingMessage>((done, failed) =>
        get({ host: 'localhost', port, path, agent: false, ...more }, done).on('error', failed),
      );
      let body = '';
      for await (const chunk of response.setEncoding('utf8')) body += chunk;
      return { status: response.statusCode, headers: response.headers, body };
    };

    it.each(['ws', 'wss'])('is told on the port of %s', async (scheme) => {
      const server = await start();
      const url = scheme === 'ws' ? server.webSocketUrl : server.secureWebSocketUrl;
      const expected = server.secureWebSocketUrl.replace('127.0.0.1', 'localhost');
      const json = await ask(url, '/.well-known/host-meta.json', { ca: server.ca });
      expect(json).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/json', 'access-control-allow-origin': '*' },
      });
      expect(JSON.parse(json.body)).toEqual({
        links: [{ rel: 'urn:xmpp:alt-connections:websocket', href: expected }],
      });
      const xrd = await ask(url, '/.well-known/host-meta', { ca: server.ca });
      expect(xrd.headers['content-type']).toBe('application/xrd+xml');
      expect(xrd.body).toContain(`<Link rel='urn:xmpp:alt-connections:websocket' href='${expected}'/>`);
    });

    it('names no insecure one', async () => {
      const server = await start({ secureWebSocketPort: false });
      expect(server.secureWebSocketUrl).toBe('');
      const { body } = await ask(server.webSocketUrl, '/.well-known/host-meta.json');
      expect(JSON.parse(body)).toEqual({ links: [] });
    });

    it('names the host by the name that it was asked by, if it is one', async () => {
      const server = await start();
      const hostOf = async (host: string) => {
        const { body } = await ask(server.webSocketUrl, '/.well-known/host-meta.json', { headers: { host } });
        return new URL((JSON.parse(body) as { links: { href: string }[] }).links[0]!.href).hostname;
      };
      expect(await hostOf('chat.example.org:5280')).toBe('chat.example.org');
      expect(await hostOf('[::1]:5280')).toBe('[::1]');
      expect(await hostOf('a"b')).toBe('localhost');
    });

    it.each([
      ['/', 'GET', 404],
      ['/.well-known/host-meta.json', 'POST', 405],
      ['/.well-known/host-meta?x', 'HEAD', 200],
    ])('%s by %s is %d', async (path, method, status) => {
      const server = await start();
      expect((await ask(server.webSocketUrl, path, { method })).status).toBe(status);
    });
  });

  describe('the listeners', () => {
    it('are where they are told to be, or nowhere', async () => {
      const first = await start();
      const { port } = new URL(first.webSocketUrl);
      await expect(startServerAsync({ webSocketPort: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await first.close();
      const again = await start({ webSocketPort: Number(port), secureWebSocketPort: false });
      expect(again.webSocketUrl).toBe(`ws://127.0.0.1:${port}/xmpp-websocket`);
      const none = await start({ webSocketPort: false });
      expect(none.webSocketUrl).toBe('');
      expect(none.secureWebSocketUrl).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/xmpp-websocket$/);
    });

    it('release everything when closed, with clients in any state', async () => {
      const server = await start();
      const idle = await dial(server.webSocketUrl);
      const handshaking = await dial(server.secureWebSocketUrl);
      const opened = await shake(server.webSocketUrl);
      const keepAlive = await dial(server.webSocketUrl);
      keepAlive.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await keepAlive.until('nothing is here\n');
      const secure = connectTls({ port: Number(new URL(server.secureWebSocketUrl).port), ca: server.ca });
      open.push(() => secure.destroy());
      await once(secure, 'secureConnect');
      secure.write(request());
      await once(secure, 'data');
      const gone = once(secure, 'close');
      secure.on('error', () => undefined).end();
      opened.socket.write(clientFrame(Opcode.close, ''));
      await server.close();
      await Promise.all([idle.closed, handshaking.closed, opened.closed, keepAlive.closed, gone]);
      expect(server.server.connections).toBe(0);
    });

    it('wait no longer than a second for a client that does not close', async () => {
      const server = await start();
      const client = await shake(server.webSocketUrl);
      await server.close();
      expect([...(await client.rest())].slice(-4)).toEqual([0x88, 2, 0x03, 0xe8]);
    });
  });
});
