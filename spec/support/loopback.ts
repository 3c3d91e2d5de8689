import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';

export interface LoopbackServer {
  readonly port: number;
  /** Every connection so far, in order; of a TLS server, those under TLS. */
  readonly sockets: readonly Socket[];
  /** Resolves with the next connection that was not taken so far. */
  next(): Promise<Socket>;
  close(): Promise<void>;
}

export interface LoopbackOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}

/** A plain TCP server on the loopback that says nothing unless told to. */
export function tcpServer(onSocket: (socket: Socket) => void = () => undefined, options: LoopbackOptions = {}) {
  return listening(createTcpServer({ allowHalfOpen: true }), 'connection', onSocket, options);
}

/** A TLS server on the loopback. */
export function tlsServer(tls: TlsOptions, onSocket: (socket: Socket) => void = () => undefined) {
  return listening(createTlsServer({ allowHalfOpen: true, ...tls } as TlsOptions), 'secureConnection', onSocket, {});
}

/** The server's side of STARTTLS, once it has sent `<proceed/>`. */
export function secureServerSocket(socket: Socket, tls: TlsOptions): TLSSocket {
  return new TLSSocket(socket, { isServer: true, ...tls } as never).on('error', () => undefined);
}

async function listening(
  server: Server,
  event: 'connection' | 'secureConnection',
  onSocket: (socket: Socket) => void,
  { host = '127.0.0.1', port = 0, path }: LoopbackOptions,
): Promise<LoopbackServer> {
  const sockets: Socket[] = [];
  const all = new Set<Socket>();
  const waiting: ((socket: Socket) => void)[] = [];
  let taken = 0;
  server.on('connection', (socket: Socket) => {
    all.add(socket);
    socket.on('error', () => undefined).on('close', () => all.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.on(event, (socket: Socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
    onSocket(socket);
    const waiter = waiting.shift();
    if (waiter) {
      taken++;
      waiter(socket);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(port, host, resolve);
    else server.listen(path, resolve);
  });
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    sockets,
    next: () =>
      new Promise((resolve) => {
        if (taken < sockets.length) resolve(sockets[taken++]!);
        else waiting.push(resolve);
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of all) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Resolves with the first `event` of an emitter. */
export function once(emitter: NodeJS.EventEmitter, event: string): Promise<unknown> {
  return new Promise((resolve) => emitter.once(event, resolve));
}

/** A port of the loopback on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = await tcpServer();
  await server.close();
  return server.port;
}
