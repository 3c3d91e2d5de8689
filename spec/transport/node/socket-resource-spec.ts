import { PassThrough } from 'node:stream';
import { asyncScheduler, Subject } from 'rxjs';
import { socketResource } from '../../../lib/transport/node/socket-resource.js';
import { once } from '../../support/loopback.js';
import { watch } from '../../support/watch.js';

describe('a socket that is verified before it is used', () => {
  function verified() {
    const socket = new PassThrough({ allowHalfOpen: true });
    const verdict$ = new Subject<never>();
    const attempt = watch(
      socketResource({
        open: () => socket,
        ready: 'connect',
        peer: 'the peer',
        scheduler: asyncScheduler,
        failed: (error) => error,
        verify: () => verdict$,
        security: () => ({}),
      }),
    );
    socket.emit('connect');
    return { socket, verdict$, attempt };
  }

  it('is emitted after the verdict', () => {
    const { verdict$, attempt } = verified();
    expect(attempt.log).toEqual([]);
    verdict$.complete();
    expect(attempt.log).toEqual(['next']);
    attempt.unsubscribe();
  });

  it('is lost where the peer has ended meanwhile: nobody would ever hear of that end', async () => {
    const { socket, verdict$, attempt } = verified();
    // As Node's sockets do when the peer ends.
    socket.push(null);
    socket.read(0);
    await once(socket, 'end');
    verdict$.complete();
    expect(attempt.log).toEqual(['error']);
    expect(attempt.error).toMatchObject({ code: 'ECONNRESET' });
    expect(socket.destroyed).toBe(true);
  });

  it('tells of that end where something is still to be read before it', async () => {
    const { socket, verdict$, attempt } = verified();
    socket.end('<stream:error/>');
    await new Promise(setImmediate);
    verdict$.complete();
    const input = watch((await attempt.first).input$);
    await input.ended;
    expect(String(input.values[0])).toBe('<stream:error/>');
    expect([input.log.at(-1), attempt.log.at(-1)]).toEqual(['complete', 'error']);
  });
});
