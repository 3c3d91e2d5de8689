import { readFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** No inline script and no other origin, but for WebSockets: the app may be pointed at any server. */
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss: https:; " +
  "base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

export interface ServedApp {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the built app on the loopback, with the XMPP server's WebSocket on the same origin, as a web server in front of both
 * does it.
 *
 * @param webSocket Where the server's WebSocket is at the moment: a port of the loopback.
 */
export function serveApp(folder: string, webSocket: () => number, port = 0): Promise<ServedApp> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const file = join(folder, path);
    const found = path !== '/' && file.startsWith(folder) && existsSync(file) && extname(file) !== '';
    if (!found && extname(path) !== '') return void response.writeHead(404).end();
    const name = found ? file : join(folder, 'index.html');
    let body = readFileSync(name);
    if (!found) {
      const page = body.toString().replace(/(<meta name="xmpp-websocket" content)[^>]*/, '$1="/xmpp-websocket"');
      body = Buffer.from(page);
    }
    response
      .writeHead(200, {
        'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
      })
      .end(body);
  });
  server.on('upgrade', (request, socket, head) => {
    const upstream = connect(webSocket(), '127.0.0.1');
    const lines = [`GET ${request.url} HTTP/1.1`];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    // Whatever ends one of them ends the other, as it ended.
    for (const [one, other] of [
      [upstream, socket],
      [socket, upstream],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () =>
      done({
        url: `http://localhost:${(server.address() as AddressInfo).port}/`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      }),
    );
  });
}
