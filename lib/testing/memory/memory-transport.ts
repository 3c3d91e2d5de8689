import { Observable, type SchedulerLike } from 'rxjs';
import type { ChannelBindingType, Connection, Transport } from '../../transport/transport.js';
import { XmppServer } from '../server/xmpp-server.js';
import type { LinkFault } from './link-fault.js';
import { MemoryWire } from './memory-wire.js';

/** A link as the network gives it. All times are virtual where the scheduler is. */
export interface MemoryLink {
  /** Default `starttls`. `direct`: TLS from the beginning; `none`: no TLS. */
  readonly security?: 'starttls' | 'direct' | 'none';
  /** `stream` (default) or `frames`, as over WebSocket. */
  readonly framing?: Connection['framing'];
  /** Milliseconds for one way, or a function that is asked for every chunk. Default 0. The order stays. */
  readonly latency?:
    number | (() => number) | { readonly in?: number | (() => number); readonly out?: number | (() => number) };
  /** Of each connection. A function is asked with the number of the connection, from 1. */
  readonly faults?: readonly LinkFault[] | ((connection: number) => readonly LinkFault[]);
  /** The client's verdict on the server's certificate: an error fails the handshake. */
  readonly tlsError?: () => unknown;
  /** What the client's certificate vouches for (EXTERNAL). Default: there is none. */
  readonly clientIdentities?: readonly string[];
  /** Data of channel binding, the same for both ends; `false`: there is none. Default: made of the connection's number. */
  readonly channelBinding?: ((type: ChannelBindingType) => Uint8Array | undefined) | false;
  /** Default: that of each attempt's context. */
  readonly scheduler?: SchedulerLike;
}

export interface MemoryTransport extends Transport {
  /** How often `connect` was subscribed to, and how many of these are still held. */
  readonly connections: number;
  readonly open: number;
  /** Cuts all open connections; octets under way are lost. `tell`: who learns of it, by default both. */
  cut(options?: { tell?: 'both' | 'client' | 'server'; error?: unknown }): void;
  /** Nothing arrives any more in this direction (default: both), and nobody is told, until `heal`. */
  stall(direction?: 'in' | 'out' | 'both'): void;
  heal(): void;
}

/**
 * Joins clients to an `XmppServer` in memory, in virtual or in real time by the scheduler of the attempt. Octets, STARTTLS, ends and
 * losses behave as they do over TCP: one round trip to connect, one more for TLS, what is written in one tick is one
 * segment, order is kept. TLS is a flag: plaintext where TLS must be, or the other way round, breaks the connection.
 */
export function memoryTransport(server: XmppServer, link: MemoryLink = {}): MemoryTransport {
  const wires = new Set<MemoryWire>();
  let connections = 0;
  const { latency = 0, security = 'starttls', framing = 'stream' } = link;
  const ways = typeof latency === 'object' ? latency : { in: latency, out: latency };

  return {
    name: 'memory',
    connect: (context) =>
      new Observable((subscriber) => {
        const number = ++connections;
        const wire = new MemoryWire(
          {
            scheduler: link.scheduler ?? context.scheduler,
            framing,
            security,
            latency: { in: asFunction(ways.in), out: asFunction(ways.out) },
            faults: typeof link.faults === 'function' ? link.faults(number) : (link.faults ?? []),
            tlsError: link.tlsError,
            clientIdentities: link.clientIdentities ?? [],
            channelBinding: link.channelBinding === false ? undefined : (link.channelBinding ?? bindingOf(number)),
            accept: (pipe, tls) => server.accept(pipe, { tls }),
          },
          subscriber,
        );
        wires.add(wire);
        subscriber.add(() => {
          wire.release();
          wires.delete(wire);
        });
        wire.open();
      }),
    get connections() {
      return connections;
    },
    get open() {
      return wires.size;
    },
    cut({ tell, error } = {}) {
      for (const wire of [...wires]) wire.cut(tell, error);
    },
    stall(direction = 'both') {
      for (const wire of wires) wire.stall(direction, true);
    },
    heal() {
      for (const wire of wires) wire.stall('both', false);
    },
  };
}

const asFunction = (latency: number | (() => number) = 0): (() => number) =>
  typeof latency === 'function' ? latency : () => latency;

/** tls-exporter differs for every connection, tls-server-end-point is the certificate's (RFC 9266, RFC 5929). */
const bindingOf =
  (connection: number) =>
  (type: ChannelBindingType): Uint8Array =>
    new Uint8Array(32).fill(type === 'tls-exporter' ? connection % 256 : 0);
