import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { reset } from '../../lib/testing/node/reset.js';

export interface ResetProxyConfig {
  readonly host: string;
  readonly port: number;
  /** How many connections it resets once it is armed. */
  readonly resets: number;
  /** Octets of both directions that a connection lives for; `fresh` where it has yet to say hello. */
  readonly budget: (fresh: boolean) => number;
}

/** A way to a server that breaks, as often as it was asked to. */
export interface ResetProxy {
  readonly port: number;
  /** How many connections were reset after so many octets, and how many by hand. */
  readonly resets: { readonly byOctet: number; readonly byHand: number };
  readonly left: number;
  /** From now on connections are reset. */
  arm(): void;
  /** Resets the present connection at once, if there is one and a reset is left. */
  reset(): void;
  close(): Promise<void>;
}

/** Passes octets on in both directions until the budget of the connection is spent: then both ends get a RST. */
export async function resetProxy({ host, port, resets, budget }: ResetProxyConfig): Promise<ResetProxy> {
  const count = { byOctet: 0, byHand: 0 };
  const links = new Set<Link>();
  const sockets = new Set<Socket>();
  let armed = false;
  const left = () => resets - count.byOctet - count.byHand;

  class Link {
    #left = Infinity;
    #over = false;

    constructor(
      readonly near: Socket,
      readonly far: Socket,
    ) {
      links.add(this);
      if (armed) this.arm(true);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('data', (chunk) => this.#pass(from, to, chunk));
        from.on('end', () => to.end());
        from.on('drain', () => to.resume());
        from.on('error', () => this.#end());
        from.on('close', () => {
          sockets.delete(from);
          this.#end();
        });
      }
    }

    arm(fresh: boolean): void {
      if (left() > 0) this.#left = budget(fresh);
    }

    reset(how: keyof typeof count): void {
      if (this.#over || left() <= 0) return;
      count[how]++;
      this.#end();
    }

    #pass(from: Socket, to: Socket, chunk: Buffer): void {
      if (this.#over) return;
      const part = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
      this.#left -= part.length;
      const flushed = to.write(part, () => this.#left <= 0 && this.reset('byOctet'));
      if (!flushed) from.pause();
    }

    #end(): void {
      if (this.#over) return;
      this.#over = true;
      links.delete(this);
      reset(this.near);
      reset(this.far);
    }
  }

  const listener = createServer({ noDelay: true }, (near) => {
    // Kept while the way to the server is made: a client that gives up meanwhile leaves nothing behind.
    new Link(near, connect({ host, port, noDelay: true }));
  });
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));

  return {
    port: (listener.address() as AddressInfo).port,
    get resets() {
      return { ...count };
    },
    get left() {
      return left();
    },
    arm() {
      armed = true;
      for (const link of links) link.arm(false);
    },
    reset() {
      for (const link of [...links]) link.reset('byHand');
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
