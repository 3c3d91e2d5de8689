import type { Duplex } from 'node:stream';
import { EMPTY, Observable, type SchedulerLike } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import { SocketConnection, type SocketSecurity } from './socket-connection.js';
import { closedError, lossError } from './socket-error.js';

export interface SocketConfig<S extends Duplex> {
  /** Makes the socket: one for each subscription. */
  readonly open: () => S;
  /** The event after which it can be used; `undefined` for a socket that can be used at once. */
  readonly ready: 'connect' | 'secureConnect' | undefined;
  /** For messages: `host:port`. */
  readonly peer: string;
  readonly scheduler: SchedulerLike;
  /** What it failed with before it was ready. */
  readonly failed: (error: NodeJS.ErrnoException) => unknown;
  /** Checks that the socket may be used, once it is ready: completes, or errors with the reason why not. */
  readonly verify?: (socket: S) => Observable<unknown>;
  /** What the connection is told of TLS. `handOver` is to be called before TLS is put on the socket. */
  readonly security: (socket: S, handOver: () => void) => SocketSecurity;
}

/** Sockets that we let go of may still fail, and an `error` event without a listener ends the process. */
const ignore = () => undefined;

/**
 * A socket as resource: opened by subscribing, emitted as `Connection` when it is ready, closed by unsubscribing. This is
 * the one place that listens to sockets, and all listeners but one that ignores late errors go with the subscription, so
 * nothing that an old socket does can reach anybody.
 *
 * ```text
 * open, connect     --c----------------
 * unsubscribe early -!                   destroyed
 * refused           --#                  `failed`
 * reset             --c-----#            its input$ first
 * peer's end        --c-----#            `connection-closed`, unless we end our side while input$ completes
 * both ended        --c-----|
 * ```
 *
 * A connection handed over to TLS is over for its own subscribers: it only completes once the socket is closed.
 */
export function socketResource<S extends Duplex>(config: SocketConfig<S>): Observable<SocketConnection> {
  const { ready, peer, scheduler, failed, verify = () => EMPTY, security } = config;
  return new Observable<SocketConnection>((subscriber) => {
    const socket = config.open();
    let connection: SocketConnection | undefined;
    let handedOver = false;

    const lose = (error: XmppError) => {
      connection!.inputEnded(error);
      subscriber.error(error);
    };
    const onReady = () => {
      if (ready) socket.off(ready, onReady);
      subscriber.add(
        verify(socket).subscribe({
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            if (subscriber.closed) return;
            connection = new SocketConnection(
              socket,
              scheduler,
              security(socket, () => {
                if (handedOver) throw new UsageError('tls-started', 'TLS can be started once on a connection');
                connection!.handOver();
                handedOver = true;
              }),
            );
            subscriber.next(connection);
          },
        }),
      );
    };
    const onError = (error: NodeJS.ErrnoException) => {
      if (handedOver) return;
      if (!connection) subscriber.error(failed(error));
      // The peer may reset what we have ended; nothing of ours is lost by that.
      else if (connection.ended && socket.writableFinished) connection.inputEnded();
      else lose(lossError(error, peer));
    };
    const onEnd = () => {
      if (handedOver || !connection) return;
      connection.inputEnded();
      if (!connection.ended) subscriber.error(closedError(peer));
    };
    const onClose = () => {
      if (handedOver) subscriber.complete();
      else if (!connection) subscriber.error(failed(closedBeforeReady()));
      else if (connection.ended) {
        connection.inputEnded();
        subscriber.complete();
      } else lose(closedError(peer));
    };

    socket.on('error', ignore);
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    subscriber.add(() => {
      if (ready) socket.off(ready, onReady);
      socket.off('error', onError);
      socket.off('end', onEnd);
      socket.off('close', onClose);
      // Once handed over, flushing and closing are the business of the TLS socket on top.
      if (handedOver) return;
      if (connection) connection.release();
      else socket.destroy();
    });
    if (ready) socket.on(ready, onReady);
    else onReady();
  });
}

function closedBeforeReady(): NodeJS.ErrnoException {
  return Object.assign(new Error('closed'), { code: 'ECONNRESET' });
}
