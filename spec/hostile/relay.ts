import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Certificate, RealServer } from '../servers/index.js';

/**
 * Where somebody sits between a client and a real server: on TCP, up to STARTTLS; with a certificate that the client trusts, on TLS; between
 * WebSockets.
 */
export type RelayLink = 'tcp' | 'tls' | 'ws';
export const RELAY_LINKS: readonly RelayLink[] = ['tcp', 'tls', 'ws'];

/** What somebody in between can do. Text is octets, but for WebSockets. */
export interface Meddling {
  /** What the client gets in place of what the server says, before it is online. */
  readonly down?: (said: string) => string;
  /** What the client gets when it says something, before the server does. */
  readonly answer?: (said: string) => string | undefined;
}

/** What sits in between. */
export interface Relay {
  readonly port: number;
  /** What the client said as far as it can be read there, in pieces. */
  readonly heard: readonly string[];
  /** Writes to the client. */
  say(text: string): void;
  /** From here on nothing passes. */
  mute(): void;
  /** Ends the connection to the client as a lost link does. */
  cut(): void;
  close(): Promise<void>;
}

/** A side of it: octets, or messages of a WebSocket. */
interface Side {
  write(text: string): void;
  destroy(): void;
}

export async function relay(
  server: RealServer,
  link: RelayLink,
  certificate: Certificate,
  { down = (said) => said, answer = () => undefined }: Meddling,
): Promise<Relay> {
  const sides = new Set<Side>();
  const heard: string[] = [];
  let client: Side | undefined;
  let muted = false;
  const sits = (below: Side, above: Side) => {
    client = below;
    sides.add(below).add(above);
    return {
      fromServer: (said: string) => {
        if (!muted) below.write(down(said));
      },
      fromClient: (said: string) => {
        heard.push(said);
        if (muted) return;
        const ours = answer(said);
        if (ours !== undefined) below.write(ours);
        above.write(said);
      },
    };
  };
  const octets = (socket: Duplex): Side => ({
    write: (text) => void (socket.writable && socket.write(text, 'latin1')),
    destroy: () => void socket.destroy(),
  });
  const pass = (below: Socket, above: Socket) => {
    const { fromServer, fromClient } = sits(octets(below), octets(above));
    let secure = false;
    above.on('data', (data) => {
      // Behind <proceed/> it is nothing that could be read.
      if (secure) return void (muted || below.write(data));
      const said = data.toString('latin1');
      secure = link === 'tcp' && said.includes('<proceed');
      fromServer(said);
    });
    below.on('data', (data) => (secure ? void (muted || above.write(data)) : fromClient(data.toString('latin1'))));
    for (const [one, other] of [
      [below, above],
      [above, below],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
      one.on('end', () => other.end());
    }
  };
  let listener: Server | WebSocketServer;
  if (link === 'ws') {
    listener = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'xmpp' });
    listener.on('connection', (below) => {
      const above = new WebSocket(`ws://${server.host}:${server.ports.http}/xmpp-websocket`, 'xmpp');
      const open = new Promise<void>((done) => above.once('open', () => done()));
      const { fromServer, fromClient } = sits(
        { write: (text) => text !== '' && below.send(text), destroy: () => below.terminate() },
        { write: (text) => void open.then(() => above.send(text)), destroy: () => above.terminate() },
      );
      above.on('message', (data) => fromServer(String(data)));
      below.on('message', (data) => fromClient(String(data)));
      for (const [one, other] of [
        [below, above],
        [above, below],
      ] as const) {
        one.on('error', () => undefined);
        one.on('close', () => other.close());
      }
    });
  } else {
    const { host, ports, domain, ca } = server;
    listener =
      link === 'tcp'
        ? createTcpServer((below) => pass(below, connectTcp({ host, port: ports.c2s })))
        : createTlsServer(
            { cert: certificate.certificate, key: certificate.key, ALPNProtocols: ['xmpp-client'] },
            (below) =>
              pass(
                below,
                connectTls({ host, port: ports.tls, ca, servername: domain, ALPNProtocols: ['xmpp-client'] }),
              ),
          );
    listener.on('tlsClientError', () => undefined);
    listener.listen(0, '127.0.0.1');
  }
  await new Promise<void>((done) => listener.once('listening', () => done()));
  return {
    port: (listener.address() as AddressInfo).port,
    heard,
    say: (text) => client?.write(text),
    mute: () => (muted = true),
    cut: () => client?.destroy(),
    close: () => {
      for (const side of sides) side.destroy();
      return new Promise<void>((done) => listener.close(() => done()));
    },
  };
}
