import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { reset } from '../../../lib/testing/node/reset.js';

/** A way to a port of this machine that can be broken. */
export interface Link {
  readonly port: number;
  /** How many connections there were so far. */
  readonly connections: number;
  /** Resets what is connected now. */
  cut(): void;
  /** Passes nothing on of what is connected now, and tells nobody: half open. What connects later is not concerned. */
  mute(): void;
  close(): Promise<void>;
}

export async function linkTo(upstream: number): Promise<Link> {
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  let connections = 0;
  const listener = createServer({ noDelay: true }, (near) => {
    connections++;
    const far = connect({ port: upstream, host: '127.0.0.1', noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const [one, other] of [pair, [far, near]] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
  return {
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    cut() {
      for (const pair of [...pairs]) for (const socket of pair) reset(socket);
    },
    mute() {
      for (const [near, far] of pairs) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    async close() {
      for (const pair of [...pairs]) for (const socket of pair) socket.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
