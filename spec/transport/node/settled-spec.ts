import { Duplex, PassThrough } from 'node:stream';
import { asyncScheduler, finalize, of, take, type Observable } from 'rxjs';
import { settled, socketResource } from '../../../lib/transport/node/socket-resource.js';
import type { SocketConnection } from '../../../lib/transport/node/socket-connection.js';

/** A socket that is there at once, and one whose events the spec makes. */
function socketOf(ready?: 'connect') {
  const socket: Duplex = new PassThrough({ allowHalfOpen: true });
  const log: string[] = [];
  const way$ = socketResource({
    open: () => socket,
    ready,
    peer: 'the peer',
    scheduler: asyncScheduler,
    failed: (error) => error,
    security: () => ({}),
  }).pipe(finalize(() => log.push('way released')));
  const watch = (source$: Observable<SocketConnection>) =>
    source$.subscribe({
      next: ({ ended }) => log.push(`connected, ${ended ? 'ended' : 'open'}`),
      error: (error: Error) => log.push(`error: ${error.message}`),
      complete: () => log.push('complete'),
    });
  return { socket, log, way$, watch };
}

const soon = () => new Promise(setImmediate);

describe('settled', () => {
  it.each([undefined, 'connect' as const])('lets go of what led to the connection, and keeps that (%s)', (ready) => {
    const { socket, log, way$, watch } = socketOf(ready);
    const held = watch(way$.pipe(settled));
    if (ready) socket.emit(ready);
    // What is there at once is told while the way is still being subscribed to.
    expect(log).toEqual(ready ? ['way released', 'connected, open'] : ['connected, open', 'way released']);
    expect(socket.destroyed).toBe(false);
    held.unsubscribe();
    expect(socket.destroyed).toBe(true);
    expect(['data', 'end', 'close'].map((event) => socket.listenerCount(event))).toEqual([0, 0, 0]);
  });

  it('gives up the socket when it is unsubscribed from on the way', () => {
    const { socket, log, way$, watch } = socketOf('connect');
    watch(way$.pipe(settled)).unsubscribe();
    expect(log).toEqual(['way released']);
    expect(socket.destroyed).toBe(true);
  });

  it('gives up the socket for a subscriber that leaves at its word', () => {
    const { socket, way$ } = socketOf();
    const taken = jest.fn();
    way$.pipe(settled, take(1)).subscribe(taken);
    expect(taken).toHaveBeenCalledTimes(1);
    expect(socket.destroyed).toBe(true);
  });

  it('tells what becomes of the socket', async () => {
    const lost = socketOf();
    watchAll(lost);
    lost.socket.destroy(new Error('reset'));
    await soon();
    expect(lost.log.slice(2)).toEqual([expect.stringContaining('error: ')]);

    const ended = socketOf();
    ended.way$.pipe(settled).subscribe({
      next: (connection) => connection.end(),
      complete: () => ended.log.push('complete'),
    });
    ended.socket.resume();
    await soon();
    ended.socket.destroy();
    await soon();
    expect(ended.log).toEqual(['way released', 'complete']);
  });

  it('tells an error or a completion on the way', async () => {
    const { socket, log, way$, watch } = socketOf('connect');
    watch(way$.pipe(settled));
    socket.destroy(new Error('refused'));
    await soon();
    expect(log).toEqual(['error: refused', 'way released']);
    const { log: none, watch: watchNone } = socketOf();
    watchNone(of<SocketConnection>().pipe(settled));
    expect(none).toEqual(['complete']);
  });
});

function watchAll({ way$, watch }: ReturnType<typeof socketOf>): void {
  watch(way$.pipe(settled));
}
