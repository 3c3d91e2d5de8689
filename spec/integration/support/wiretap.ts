import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { reset } from '../../../lib/testing/node/reset.js';

export interface Wiretap {
  readonly port: number;
  /** What clients sent and what the server sent, over all connections, as Latin-1. */
  readonly sent: string;
  readonly received: string;
  /** Connections so far. */
  readonly connections: number;
  /** Resets every connection on both sides, as a network that is gone. */
  cut(): void;
  /** While closed, connections are refused at once. */
  open: boolean;
  close(): Promise<void>;
}

/** A way to a server on which one can listen, and which can be cut. */
export async function wiretap({ host, port }: { readonly host: string; readonly port: number }): Promise<Wiretap> {
  const sockets = new Set<Socket>();
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  const state = { open: true, connections: 0 };
  const listener = createServer((near) => {
    state.connections++;
    if (!state.open) return void reset(near);
    const far = connect(port, host);
    for (const [from, to, log] of [
      [near, far, sent],
      [far, near, received],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => log.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('latin1');
  const cut = () => {
    for (const socket of sockets) reset(socket);
  };
  return {
    port: (listener.address() as AddressInfo).port,
    get sent() {
      return text(sent);
    },
    get received() {
      return text(received);
    },
    get connections() {
      return state.connections;
    },
    cut,
    get open() {
      return state.open;
    },
    set open(open) {
      state.open = open;
    },
    close: async () => {
      cut();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
