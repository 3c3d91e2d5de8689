import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { Connection } from '../../../lib/transport/transport.js';
import type { WebSocketCtor } from '../../../lib/transport/websocket/web-socket-like.js';
import { websocket } from '../../../lib/transport/websocket/websocket.js';
import { connectContext } from '../../support/connect-context.js';
import { closedPort, tcpServer } from '../../support/loopback.js';
import { watch } from '../../support/watch.js';

const WebSocketCtor = WebSocket as unknown as WebSocketCtor;

/** A WebSocket server on the loopback, and an attempt to connect to it. */
async function serving(onSocket: (socket: WebSocket) => void = () => undefined, protocol: string | false = 'xmpp') {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => protocol });
  server.on('connection', onSocket);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const attempt = watch(websocket({ url: `ws://127.0.0.1:${port}/`, WebSocketCtor }).connect(connectContext()));
  const stop = () =>
    new Promise<void>((resolve) => {
      attempt.unsubscribe();
      for (const client of server.clients) client.terminate();
      server.close(() => resolve());
    });
  return { server, attempt, stop };
}

describe('websocket: against a real server', () => {
  it('speaks, in both directions, and tells what was written', async () => {
    const { attempt, stop } = await serving((socket) =>
      socket.on('message', (data) => socket.send(String(data as Buffer))),
    );
    const connection = await attempt.first;
    expect(connection.tls).toEqual({ protocol: 'loopback' });
    const big = `<a>${'\u20ac'.repeat(500_000)}</a>`;
    const echoed = new Promise<(string | Uint8Array)[]>((resolve) => {
      const got: (string | Uint8Array)[] = [];
      connection.input$.subscribe((text) => got.push(text) === 2 && resolve(got));
    });
    const written = ['<a/>', big].map((text) => new Promise<void>((resolve) => connection.write(text, resolve)));
    await Promise.all(written);
    expect(await echoed).toEqual(['<a/>', big]);
    expect(connection.bytesReceived).toBe(4 + 1_500_007);
    expect([connection.bytesSent, connection.bufferedBytes]).toEqual([4 + 1_500_007, 0]);
    await stop();
  });

  it('refuses a server that does not choose the subprotocol', async () => {
    // `ws` as a client refuses it by itself, before anybody could look.
    const { attempt, stop } = await serving(undefined, false);
    await attempt.ended;
    expect(attempt.error).toMatchObject({ layer: 'transport', retryable: expect.any(Boolean) });
    expect(attempt.values).toEqual([]);
    await stop();
  });

  it('refuses a binary frame', async () => {
    const { attempt, stop } = await serving((socket) => socket.send(Buffer.from('<a/>')));
    const connection = await attempt.first;
    watch(connection.input$);
    await attempt.ended;
    expect(attempt.error).toMatchObject({ layer: 'stream', condition: 'bad-format' });
    await stop();
  });

  it.each<[string, (socket: WebSocket) => void, RegExp]>([
    ['closes', (socket) => socket.close(1000), /code 1000/],
    ['closes for a reason', (socket) => socket.close(1008, 'too loud'), /code 1008\)$/],
    ['is gone', (socket) => socket.terminate(), /code 1006/],
    ['sends no UTF-8', (socket) => socket.send(Buffer.from([0xff]), { binary: false }), /code 100[67]/],
  ])('knows when the server %s', async (_, act, code) => {
    const { attempt, stop } = await serving((socket) => void setImmediate(() => act(socket)));
    await attempt.ended;
    expect(attempt.log).toEqual(['next', 'error']);
    expect(attempt.error).toMatchObject({ condition: 'connection-closed', text: expect.stringMatching(code) });
    await stop();
  });

  it('completes when we end it, after all that was written', async () => {
    const got: string[] = [];
    const { attempt, stop } = await serving((socket) =>
      socket.on('message', (data) => got.push(String(data as Buffer))),
    );
    const connection: Connection = await attempt.first;
    connection.write('<a/>');
    connection.write('<b/>');
    connection.end();
    await attempt.ended;
    expect([attempt.log, got]).toEqual([
      ['next', 'complete'],
      ['<a/>', '<b/>'],
    ]);
    await stop();
  });

  it('says what is written last even when it is let go', async () => {
    let heard!: (texts: string[]) => void;
    const all = new Promise<string[]>((resolve) => (heard = resolve));
    const { attempt, stop } = await serving((socket) => {
      const got: string[] = [];
      socket.on('message', (data) => got.push(String(data as Buffer))).on('close', () => heard(got));
    });
    (await attempt.first).write('<close/>');
    attempt.unsubscribe();
    expect(await all).toEqual(['<close/>']);
    await stop();
  });

  it('is let go while it connects to a server that never answers', async () => {
    const server = await tcpServer();
    const attempt = watch(
      websocket({ url: `ws://127.0.0.1:${server.port}/`, WebSocketCtor }).connect(connectContext()),
    );
    const socket = await server.next();
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    attempt.unsubscribe();
    socket.once('end', () => socket.end());
    await gone;
    expect(attempt.log).toEqual([]);
    await server.close();
  });

  it('tells where nobody listens', async () => {
    const url = `ws://127.0.0.1:${await closedPort()}/`;
    const attempt = watch(websocket({ url, WebSocketCtor }).connect(connectContext()));
    await attempt.ended;
    expect(attempt.error).toMatchObject({ condition: 'websocket-failed', phase: 'connect', retryable: true });
  });
});
