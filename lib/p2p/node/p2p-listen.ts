import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';
import { asyncScheduler, catchError, defer, EMPTY, mergeMap, Observable } from 'rxjs';
import { attempted } from '../../client/attempt.js';
import { StreamError } from '../../errors/stream-error.js';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { Jid } from '../../jid/jid.js';
import { injected } from '../../transport/node/dial-target.js';
import { socketResource } from '../../transport/node/socket-resource.js';
import { connectError } from '../../transport/node/socket-error.js';
import { tlsInfo } from '../../transport/node/tls-info.js';
import { DEFAULT_TIMEOUTS } from '../../transport/timeouts.js';
import type { TlsPolicy } from '../../transport/transport.js';
import { peerSession, type PeerSession } from '../peer-session.js';
import { acceptSecuredPeer } from '../peer-tls.js';
import { ownJid } from './own-jid.js';
import { tlsPolicy, toJid, type PeerOptions } from './p2p.js';
import { secureServerSocket } from './secure-server-socket.js';
import { handshakeOptions, verifyPeerOf, type VerifyPeerOf } from './verify-peer-of.js';

export interface P2pListenOptions extends PeerOptions {
  /**
   * Node's options for TLS: `cert` and `key` at least, wherever TLS is to be had. With `requestCert` peers have to show a certificate that
   * leads to one of `ca` and is for the domain of their JID; else whoever connects proves nothing.
   */
  readonly tlsOptions?: TlsOptions;
  /**
   * Peers have to show a certificate, and this decides about it, before they are answered: alone, so that it may be self-signed; or where
   * `tlsOptions.ca` is given, after it was found good. Compare it with what is known of the JID that the peer gives itself.
   */
  readonly verifyPeer?: VerifyPeerOf;
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
 * where it cannot listen, with `UsageError` `bad-tls-options` where TLS is to be had without a certificate, and with `JidError`.
 */
export function p2pListen(options: P2pListenOptions = {}): Observable<PeerSession> {
  let peers = 0;
  return defer(() => {
    const own = toJid(options.jid) ?? ownJid();
    const tls = tlsPolicy(options);
    if (tls !== 'disabled') checkTlsOptions(options);
    return sockets(options, tls).pipe(mergeMap((socket) => sessionOn(socket, ++peers)));

    function sessionOn(socket: Socket, number: number): Observable<PeerSession> {
      const { scheduler = asyncScheduler, features, limits } = options;
      const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      let secure = socket instanceof TLSSocket ? socket : undefined;
      const verify = (claimed: Jid | undefined) => verifyPeerOf(secure!, claimed, peer, options);
      const connected$ = socketResource({
        open: () => socket,
        ready: undefined,
        peer,
        scheduler,
        failed: (error) => connectError(error, peer),
        security: (_, holder) => {
          if (secure) return { tls: tlsInfo(secure) };
          if (tls === 'disabled') return {};
          const startTls = () =>
            defer(() => {
              // The peer has nothing to say before `<proceed/>`, so whatever is there was put there (CVE-2011-0411).
              if (socket.readableLength > 0) throw injected(peer);
              holder.handOver();
              return secureServerSocket(socket, handshakeOptions(options), peer, scheduler, (made) => (secure = made));
            });
          return { startTls };
        },
      });
      return attempted<PeerSession>(
        ({ trace }) => {
          const stage = { timeouts, scheduler, trace };
          return connected$.pipe(
            peerSession(
              (connection) => acceptSecuredPeer(connection, { ...stage, own, features, limits, tls, verify }),
              {
                ...{ ...options, ...stage, own },
              },
            ),
          );
        },
        number,
        scheduler,
        options.trace,
      ).pipe(
        catchError((error: XmppError) => {
          if (!(error instanceof StreamError && error.condition === 'stream-closed')) options.failed?.(error);
          return EMPTY;
        }),
      );
    }
  });
}

/** @throws UsageError Where TLS cannot be had. */
function checkTlsOptions({ tlsOptions: { cert, key, pfx, SNICallback } = {} }: P2pListenOptions): void {
  if (pfx || SNICallback || (cert && key)) return;
  throw new UsageError('bad-tls-options', 'TLS needs `tlsOptions` with `cert` and `key`, or `tls` is to be `disabled`');
}

/** Sockets that are ready to be used: with direct TLS, after the handshake. */
function sockets(options: P2pListenOptions, policy: TlsPolicy): Observable<Socket> {
  const { port = 5298, host, maxPeers = 64, listening, timeouts, security } = options;
  const tls = security === 'direct' && policy !== 'disabled' && handshakeOptions(options);
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
