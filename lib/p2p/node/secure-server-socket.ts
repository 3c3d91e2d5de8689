import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { Observable, type SchedulerLike } from 'rxjs';
import { scopeMap } from '../../stream/scope-map.js';
import type { SocketConnection } from '../../transport/node/socket-connection.js';
import { connectError } from '../../transport/node/socket-error.js';
import { socketResource } from '../../transport/node/socket-resource.js';
import { tlsHandshakeError } from '../../transport/node/tls-handshake-error.js';
import { tlsInfo } from '../../transport/node/tls-info.js';

/**
 * The listener's side of TLS over a connected socket, as resource: emits once the handshake is done. Nobody is verified yet, see
 * `verifyPeerOf`.
 *
 * Errors with `TlsError` `handshake-failed`, or `TransportError` `connection-reset`. Who uses it bounds it.
 */
export function secureServerSocket(
  socket: Socket,
  tls: TlsOptions,
  peer: string,
  scheduler: SchedulerLike,
  secured: (socket: TLSSocket) => void,
): Observable<SocketConnection> {
  return handshake(socket, tls, peer).pipe(
    scopeMap((secure) =>
      socketResource({
        open: () => secure,
        ready: undefined,
        ...{ peer, scheduler },
        failed: (error) => connectError(error, peer),
        security: () => {
          secured(secure);
          return { tls: tlsInfo(secure) };
        },
      }),
    ),
  );
}

function handshake(socket: Socket, tls: TlsOptions, peer: string): Observable<TLSSocket> {
  return new Observable((subscriber) => {
    let done = false;
    // It never listens: it is what Node has for sockets that are there already.
    const server = createServer({ ...tls, allowHalfOpen: true });
    server.on('secureConnection', (secure) => {
      done = true;
      subscriber.next(secure);
    });
    server.on('tlsClientError', (error) => subscriber.error(tlsHandshakeError(error, peer, false)));
    subscriber.add(() => {
      if (!done) socket.destroy();
    });
    server.emit('connection', socket);
  });
}
