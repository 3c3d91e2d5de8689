import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Drops a connection by a reset, so that the peer cannot take it for a proper end.
 *
 * @param top What writes to the socket, where that is TLS.
 */
export function reset(socket: Socket, top: Writable = socket): void {
  // While an end is on its way out Node cannot reset: it fails, and neither closes the socket nor tells of it.
  const ending = [socket, top].some(({ writableEnded, writableFinished }) => writableEnded && !writableFinished);
  if (socket.connecting || socket.destroyed || ending) socket.destroy();
  else socket.resetAndDestroy();
}
