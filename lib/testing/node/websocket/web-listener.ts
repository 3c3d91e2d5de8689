import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { handshake } from './handshake.js';
import { hostMeta } from './host-meta.js';
import { WebSocketPipe } from './websocket-pipe.js';

export interface WebListenerInit {
  /** For `wss:`; without it, `ws:`. */
  readonly tls?: ServerOptions;
  /** A WebSocket was asked for; it is opened unless the pipe is destroyed herein. */
  readonly accept: (pipe: WebSocketPipe, remoteAddress: string | undefined) => void;
  /** The secure WebSocket, as one who has asked `hostname` is to be told. */
  readonly urlFor: (hostname: string) => string | undefined;
}

/** Speaks HTTP, for two things: WebSockets, and the file that tells where they are. */
export class WebListener {
  readonly server: Server;
  readonly #init: WebListenerInit;
  readonly #pipes = new Set<WebSocketPipe>();
  /** Connections in the midst of a TLS handshake, which nobody else keeps account of, by their other end. */
  readonly #shaking = new Map<string, Socket>();

  constructor(init: WebListenerInit) {
    this.#init = init;
    this.server = init.tls ? createHttps(init.tls) : createHttp();
    this.server.on('request', (request, response) => this.#respond(request, response));
    this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    if (!init.tls) return;
    this.server.on('connection', (raw: Socket) => {
      const peer = peerOf(raw);
      this.#shaking.set(peer, raw);
      raw.once('close', () => this.#shaking.delete(peer));
    });
    this.server.on('secureConnection', (socket: Socket) => this.#shaking.delete(peerOf(socket)));
  }

  /** Closes what is open, and listens no more. Resolves when all is released. */
  close(): Promise<unknown> {
    const closed = [
      new Promise<void>((done) => this.server.close(() => done())),
      ...[...this.#pipes].map((pipe) => pipe.release()),
    ];
    for (const raw of this.#shaking.values()) raw.destroy();
    this.server.closeAllConnections();
    return Promise.all(closed);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { accepted, answer } = handshake(request);
    if (!accepted) {
      socket.on('error', () => undefined);
      socket.end(answer, () => socket.destroy());
      return;
    }
    const pipe = new WebSocketPipe(socket, head);
    this.#pipes.add(pipe);
    socket.once('close', () => this.#pipes.delete(pipe));
    this.#init.accept(pipe, request.socket.remoteAddress);
    if (!pipe.destroyed) pipe.open(answer);
  }

  #respond({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const file = hostMeta(url.replace(/[?#].*$/s, ''), this.#init.urlFor(hostnameOf(headers.host)));
    if (!file) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing is here\n');
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    // XEP-0156 section 3: pages of any origin may look where they can connect to.
    response.writeHead(200, { 'content-type': file.type, 'access-control-allow-origin': '*' }).end(file.body);
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** The name by which the client knows us, which is the one that it will check the certificate for. */
function hostnameOf(host = ''): string {
  return /^([\w.-]+|\[[\da-fA-F:.]+\])(:\d+)?$/.exec(host)?.[1] ?? 'localhost';
}
