import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';
import { asyncScheduler, catchError, defer, EMPTY, mergeMap, Observable } from 'rxjs';
import { Attempt } from '../../client/attempt.js';
import { StreamError } from '../../errors/stream-error.js';
import { TransportError } from '../../errors/transport-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import { socketResource } from '../../transport/node/socket-resource.js';
import { connectError } from '../../transport/node/socket-error.js';
import { tlsInfo } from '../../transport/node/tls-info.js';
import { DEFAULT_TIMEOUTS } from '../../transport/timeouts.js';
import { peerSession, type PeerSession } from '../peer-session.js';
import { acceptPeer } from '../peer-stream.js';
import { ownJid } from './own-jid.js';
import { toJid, type PeerOptions } from './p2p.js';

export interface P2pListenOptions extends Omit<PeerOptions, 'tls'> {
  /** Direct TLS with these options of Node: `cert` and `key` at least; none by default. */
  readonly tls?: TlsOptions;
  /** Default 5298; 0 for any free port. */
  readonly port?: number;
  /** The address to listen on; all by default. */
  readonly host?: string;
  /** How many peers may be connected at the same time; 64 by default. */
  readonly maxPeers?: number;
  /** Is told once it listens, and where: what to announce. */
  readonly listening?: (address: AddressInfo) => void;
  /** Is told why a peer's stream failed; their own good end is no failure. The others go on. */
  readonly failed?: (error: XmppError) => void;
}

/**
 * Takes the streams of peers without a server (XEP-0174).
 *
 * ```text
 * peers        --a-----b------     each opens a stream
 * p2pListen    ----A-----B----     their sessions
 * unsubscribe               !      closes all of them, and listens no more
 * ```
 *
 * Emits each session; how one ends is told by its own `stanza$` (which completes) and by `failed`. Errors with `TransportError`
 * where it cannot listen, and with `JidError`.
 */
export function p2pListen(options: P2pListenOptions = {}): Observable<PeerSession> {
  let peers = 0;
  return defer(() => {
    const own = toJid(options.jid) ?? ownJid();
    return sockets(options).pipe(mergeMap((socket) => sessionOn(socket, ++peers)));

    function sessionOn(socket: Socket, number: number): Observable<PeerSession> {
      const { scheduler = asyncScheduler, features, limits } = options;
      const attempt = new Attempt(number, scheduler, options.trace);
      const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
      const stage = { timeouts, scheduler, trace: attempt.trace };
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      return socketResource({
        open: () => socket,
        ready: undefined,
        peer,
        scheduler,
        failed: (error) => connectError(error, peer),
        security: () => (socket instanceof TLSSocket ? { tls: tlsInfo(socket) } : {}),
      }).pipe(
        peerSession((connection) => acceptPeer(connection, { ...stage, own, features, limits }), {
          ...{ ...options, ...stage, own },
        }),
        attempt.recorded(),
        catchError((error: XmppError) => {
          if (!(error instanceof StreamError && error.condition === 'stream-closed')) options.failed?.(error);
          return EMPTY;
        }),
      );
    }
  });
}

/** Sockets that are ready to be used: where TLS is asked for, after the handshake. */
function sockets({ port = 5298, host, tls, maxPeers = 64, listening, timeouts }: P2pListenOptions): Observable<Socket> {
  return new Observable((subscriber) => {
    const handshakeTimeout = timeouts?.tls ?? DEFAULT_TIMEOUTS.tls;
    const server: Server = tls
      ? createTlsServer({ allowHalfOpen: true, ...tls, handshakeTimeout })
      : createServer({ allowHalfOpen: true, noDelay: true });
    server.maxConnections = maxPeers;
    // What has not shaken hands yet belongs to nobody but this.
    const pending = new Map<string, Socket>();
    const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
    const take = (socket: Socket) => {
      pending.delete(nameOf(socket));
      socket.setNoDelay(true);
      subscriber.next(socket);
    };
    if (tls) {
      server.on('connection', (socket) => {
        const name = nameOf(socket);
        pending.set(name, socket);
        socket.on('close', () => pending.delete(name));
      });
    }
    server.on(tls ? 'secureConnection' : 'connection', take);
    server.on('error', (cause) => {
      const text = `cannot listen on port ${port}: ${cause.message}`;
      subscriber.error(new TransportError({ condition: 'connection-failed', phase: 'connect', text, cause }));
    });
    server.listen({ port, host }, () => listening?.(server.address() as AddressInfo));
    return () => {
      server.close();
      for (const socket of pending.values()) socket.destroy();
    };
  });
}
