import { once as onceOf } from 'node:events';
import net, { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { config, VirtualTimeScheduler } from 'rxjs';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import { tcp, type TcpConfig } from '../../../lib/transport/node/index.js';
import type { Connection } from '../../../lib/transport/transport.js';
import { connectContext } from '../../support/connect-context.js';
import { once, tcpServer, type LoopbackServer } from '../../support/loopback.js';
import { watch, type Watch } from '../../support/watch.js';

let server: LoopbackServer;
beforeEach(async () => (server = await tcpServer()));
afterEach(() => server.close());

interface Both {
  readonly connection: Connection;
  readonly peer: Socket;
  readonly attempt: Watch<Connection>;
}

async function connected(context = connectContext(), options: TcpConfig = {}): Promise<Both> {
  const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, ...options }).connect(context));
  const connection = await attempt.first;
  return { connection, peer: await server.next(), attempt };
}

const text = (chunks: readonly (Uint8Array | string)[]) =>
  chunks.map((chunk) => Buffer.from(chunk as Uint8Array).toString()).join('');
const condition = (error: unknown) => (error as XmppError).condition;

/** All that a socket receives until its peer ends. */
async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks).toString();
}

/** What has been received once `length` octets of it are there. */
async function arrived(input: Watch<Uint8Array | string>, length: number): Promise<string> {
  while (text(input.values).length < length) await new Promise(setImmediate);
  return text(input.values);
}

describe('a connection over a socket: writing', () => {
  it('writes what is written in one tick as one segment, in order', async () => {
    const { connection, peer, attempt } = await connected();
    for (const part of ['a', 'ü', '€', '😀']) connection.write(part);
    const [chunk] = (await onceOf(peer, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('aü€😀');
    attempt.unsubscribe();
  });

  it('tells of each write once it was handed to the operating system, and counts its octets', async () => {
    const { connection, attempt } = await connected();
    const log: string[] = [];
    const done = new Promise<void>((resolve) => {
      connection.write('ü', () => log.push('first'));
      connection.write('', () => log.push('second'));
      connection.write('b', () => {
        log.push('third');
        resolve();
      });
    });
    expect([connection.bytesSent, connection.bufferedBytes, log]).toEqual([0, 3, []]);
    await done;
    expect([connection.bytesSent, connection.bufferedBytes, log]).toEqual([3, 0, ['first', 'second', 'third']]);
    attempt.unsubscribe();
  });

  it('shows what a peer that does not read leaves unsent', async () => {
    const { connection, peer, attempt } = await connected();
    peer.pause();
    const much = 'x'.repeat(32 * 1024 * 1024);
    const written = jest.fn();
    connection.write(much);
    connection.write('y', written);
    await new Promise(setImmediate);
    expect(connection.bufferedBytes).toBeGreaterThan(0);
    expect(connection.bytesSent + connection.bufferedBytes).toBe(much.length + 1);
    expect(written).not.toHaveBeenCalled();
    attempt.unsubscribe();
    peer.destroy();
  });

  it('sets TCP_NODELAY', async () => {
    const connect = jest.spyOn(net, 'connect');
    const { attempt } = await connected();
    expect(connect.mock.calls).toEqual([[expect.objectContaining({ host: '127.0.0.1', noDelay: true })]]);
    connect.mockRestore();
    attempt.unsubscribe();
  });

  it('writes nothing after end()', async () => {
    const { connection, peer, attempt } = await connected();
    connection.write('a');
    connection.end();
    connection.write('b');
    connection.end();
    expect(await received(peer)).toBe('a');
    peer.end();
    await attempt.ended;
    expect(attempt.log).toEqual(['next', 'complete']);
  });
});

describe('a connection over a socket: reading', () => {
  it('loses nothing of what came before the first reader, or between two', async () => {
    const { connection, peer, attempt } = await connected();
    peer.write('before');
    await new Promise((resolve) => setImmediate(resolve));
    const first = watch(connection.input$);
    expect(await arrived(first, 6)).toBe('before');
    first.unsubscribe();
    await new Promise<void>((resolve) => peer.write('between', () => resolve()));
    const second = watch(connection.input$);
    expect(await arrived(second, 7)).toBe('between');
    expect(text(first.values)).toBe('before');
    expect(connection.bytesReceived).toBe(13);
    attempt.unsubscribe();
  });

  it('loses nothing where a reader leaves at its first octets', async () => {
    const { connection, peer, attempt } = await connected();
    const all = Array.from({ length: 20_000 }, (_, index) => `<${index}>`).join('');
    peer.write(all);
    let seen = '';
    while (seen.length < all.length) {
      await new Promise<void>((resolve) => {
        const subscription = connection.input$.subscribe((chunk) => {
          seen += Buffer.from(chunk as Uint8Array).toString();
          subscription.unsubscribe();
          resolve();
        });
      });
    }
    expect(seen).toBe(all);
    attempt.unsubscribe();
  });

  it('reads nothing while nobody does: the peer is held back', async () => {
    const { connection, peer, attempt } = await connected();
    watch(connection.input$).unsubscribe();
    const size = 64 * 1024 * 1024;
    peer.write(Buffer.alloc(size));
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(peer.writableLength).toBeGreaterThan(0);
    expect(connection.bytesReceived).toBe(0);
    let octets = 0;
    await new Promise<void>((resolve) => {
      connection.input$.subscribe((chunk) => {
        octets += chunk.length;
        if (octets === size) resolve();
      });
    });
    attempt.unsubscribe();
  });

  it('has one reader at a time', async () => {
    const { connection, attempt } = await connected();
    const first = watch(connection.input$);
    expect(condition(watch(connection.input$).error)).toBe('input-busy');
    first.unsubscribe();
    expect(watch(connection.input$).error).toBeUndefined();
    attempt.unsubscribe();
  });

  it('goes on where a reader throws, and reports what it threw (S11)', async () => {
    const { connection, peer, attempt } = await connected();
    const reported = new Promise((resolve) => (config.onUnhandledError = resolve));
    let seen = '';
    connection.input$.subscribe((chunk) => {
      seen += Buffer.from(chunk as Uint8Array).toString();
      if (seen === 'a') throw new Error('boom');
    });
    peer.write('a');
    expect(await reported).toEqual(new Error('boom'));
    config.onUnhandledError = null;
    peer.write('b');
    while (seen !== 'ab') await new Promise(setImmediate);
    attempt.unsubscribe();
  });
});

describe('a connection over a socket: its end', () => {
  it('completes the input and errors when the peer ends', async () => {
    const { connection, peer, attempt } = await connected();
    const order: string[] = [];
    connection.input$.subscribe({ complete: () => order.push(`input complete, attempt: ${attempt.log.join()}`) });
    peer.end();
    await attempt.ended;
    expect(order).toEqual(['input complete, attempt: next']);
    expect(attempt.error).toMatchObject({ name: 'TransportError', condition: 'connection-closed', retryable: true });
    expect(connection.bufferedBytes).toBe(0);
  });

  it('completes when we answer the end of the peer with ours, and our last words arrive', async () => {
    const { connection, peer, attempt } = await connected();
    connection.input$.subscribe({
      complete: () => {
        connection.write('</stream:stream>');
        connection.end();
      },
    });
    peer.end();
    expect(await received(peer)).toBe('</stream:stream>');
    await attempt.ended;
    expect(attempt.log).toEqual(['next', 'complete']);
  });

  it('completes when we end and the peer follows', async () => {
    const { connection, peer, attempt } = await connected();
    const input = watch(connection.input$);
    connection.end();
    await received(peer);
    peer.end('bye');
    await attempt.ended;
    expect([attempt.log, input.log, text(input.values)]).toEqual([['next', 'complete'], ['next', 'complete'], 'bye']);
  });

  it('completes when the peer resets what we have ended', async () => {
    const { connection, peer, attempt } = await connected();
    const input = watch(connection.input$);
    connection.write('last words');
    connection.end();
    expect(await received(peer)).toBe('last words');
    peer.resetAndDestroy();
    await attempt.ended;
    expect([attempt.log, input.log]).toEqual([['next', 'complete'], ['complete']]);
  });

  it('errors on a reset, the input first', async () => {
    const { connection, peer, attempt } = await connected();
    const order: string[] = [];
    connection.input$.subscribe({
      error: (error) => order.push(`${condition(error)}, attempt: ${attempt.log.join()}`),
    });
    peer.resetAndDestroy();
    await attempt.ended;
    expect(order).toEqual(['connection-reset, attempt: next']);
    expect(attempt.error).toMatchObject({ condition: 'connection-reset', phase: undefined, retryable: true });
    expect(String(attempt.error)).toContain(`127.0.0.1:${server.port} reset the connection`);
  });

  it('tells a reader who comes too late', async () => {
    const { connection, peer, attempt } = await connected();
    const input = watch(connection.input$);
    input.unsubscribe();
    const late = watch(connection.input$);
    peer.resetAndDestroy();
    await attempt.ended;
    expect(condition(late.error)).toBe('connection-reset');
    expect(condition(watch(connection.input$).error)).toBe('connection-reset');
  });

  it('does nothing when written to after a loss', async () => {
    const { connection, peer, attempt } = await connected();
    connection.input$.subscribe({ error: () => undefined });
    peer.resetAndDestroy();
    await attempt.ended;
    const written = jest.fn();
    connection.write('a', written);
    connection.end();
    await new Promise(setImmediate);
    expect(written).not.toHaveBeenCalled();
  });
});

describe('a connection over a socket: unsubscribing', () => {
  it('flushes what was written in the same tick, and ends', async () => {
    const { connection, peer, attempt } = await connected();
    connection.write('last ');
    connection.write('words');
    attempt.unsubscribe();
    expect(await received(peer)).toBe('last words');
  });

  it('tells nothing more (T10)', async () => {
    const { connection, peer, attempt } = await connected();
    const input = watch(connection.input$);
    const written = jest.fn();
    connection.write('a', written);
    peer.write('b');
    attempt.unsubscribe();
    expect(await received(peer)).toBe('a');
    peer.resetAndDestroy();
    await new Promise(setImmediate);
    expect([attempt.log, input.log]).toEqual([['next'], []]);
    expect(written).not.toHaveBeenCalled();
  });

  it('gives up what the peer does not take within the bound, by the scheduler', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { connection, peer, attempt } = await connected(connectContext({ scheduler }));
    peer.pause();
    const much = 'x'.repeat(32 * 1024 * 1024);
    connection.write(much);
    attempt.unsubscribe();
    scheduler.flush();
    let octets = 0;
    peer.on('data', (chunk: Buffer) => (octets += chunk.length));
    peer.on('end', () => peer.end());
    peer.resume();
    await once(peer, 'close');
    expect(octets).toBeLessThan(much.length);
  });

  it('resets nothing while the peer still speaks: it can read all that was written', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { connection, peer, attempt } = await connected(connectContext({ scheduler }));
    const failed = jest.fn();
    peer.on('error', failed);
    const much = 'x'.repeat(256 * 1024);
    peer.pause();
    peer.write('said before');
    connection.write(much);
    attempt.unsubscribe();
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((written) => peer.write('and said after', written));
      await new Promise(setImmediate);
    }
    peer.resume();
    expect(await received(peer)).toHaveLength(much.length);
    expect(failed).not.toHaveBeenCalled();
    peer.end();
    await once(peer, 'close');
    expect(failed).not.toHaveBeenCalled();
  });

  it.each([
    [undefined, 999, true],
    [undefined, 1_000, false],
    [5_000, 4_999, true],
    [5_000, 5_000, false],
    [Infinity, 1e9, true],
    [0, 0, false],
  ])('with linger: %s a server that reads after %i ms gets all that was written: %s', async (linger, slow, all) => {
    const scheduler = new VirtualTimeScheduler();
    const { connection, peer, attempt } = await connected(connectContext({ scheduler }), { linger });
    peer.pause();
    const much = 32 * 1024 * 1024;
    connection.write('x'.repeat(much));
    attempt.unsubscribe();
    scheduler.maxFrames = slow;
    scheduler.flush();
    let octets = 0;
    peer.on('data', (chunk: Buffer) => (octets += chunk.length));
    peer.on('error', () => undefined);
    peer.on('end', () => peer.end());
    peer.resume();
    await once(peer, 'close');
    expect(octets === much).toBe(all);
    while (scheduler.actions.some(({ closed }) => !closed)) await new Promise(setImmediate);
  });

  it('leaves no socket and no timer once the peer has ended too', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { connection, peer, attempt } = await connected(connectContext({ scheduler }));
    connection.write('a');
    attempt.unsubscribe();
    await received(peer);
    const timers = () => scheduler.actions.filter((action) => !action.closed);
    expect(timers()).toHaveLength(1);
    peer.end();
    await once(peer, 'close');
    while (timers().length > 0) await new Promise(setImmediate);
    expect(scheduler.now()).toBe(0);
  });

  it('leaves a peer that never ends, within the bound', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { connection, peer, attempt } = await connected(connectContext({ scheduler }));
    connection.write('a');
    attempt.unsubscribe();
    expect(await received(peer)).toBe('a');
    scheduler.flush();
    expect(scheduler.now()).toBe(1_000);
    // Our socket is gone: what is still said meets nobody.
    const lost = once(peer, 'close');
    peer.on('error', () => undefined);
    while (!peer.destroyed) await new Promise((turn) => peer.write('anybody?', () => setImmediate(turn)));
    await lost;
  });

  it('lets go at once where nothing was said', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { peer, attempt } = await connected(connectContext({ scheduler }));
    attempt.unsubscribe();
    expect(await received(peer)).toBe('');
    expect(scheduler.actions.filter((action) => !action.closed)).toEqual([]);
  });
});

describe('a given duplex', () => {
  class End extends Duplex {
    other!: End;
    override _read() {}
    override _write(chunk: Buffer, _: unknown, done: () => void) {
      this.other.push(chunk);
      done();
    }
    override _final(done: () => void) {
      this.other.push(null);
      done();
    }
  }

  /** Two ends of one stream. */
  function pair(): [Duplex, Duplex] {
    const [a, b] = [new End(), new End()];
    a.other = b;
    b.other = a;
    return [a, b];
  }

  it('serves as connection at once', async () => {
    const [ours, theirs] = pair();
    const attempt = watch(tcp({ duplex: ours }).connect(connectContext()));
    const [connection] = attempt.values;
    connection!.write('to');
    theirs.write('fro');
    expect(String(((await onceOf(theirs, 'data')) as [Buffer])[0])).toBe('to');
    expect(await arrived(watch(connection!.input$), 3)).toBe('fro');
    attempt.unsubscribe();
  });

  it('is left without listeners of ours but one that keeps late errors from ending the process', () => {
    const [ours] = pair();
    const before = new Map(ours.eventNames().map((name) => [name, ours.listenerCount(name)]));
    const attempt = watch(tcp({ duplex: ours }).connect(connectContext()));
    const reader = watch(attempt.values[0]!.input$);
    reader.unsubscribe();
    ours.destroy();
    attempt.unsubscribe();
    const left = ours.eventNames().filter((name) => ours.listenerCount(name) !== (before.get(name) ?? 0));
    expect(left).toEqual(['error']);
    expect(() => ours.emit('error', new Error('late'))).not.toThrow();
    expect(attempt.log).toEqual(['next']);
  });

  it('serves one attempt at a time', () => {
    const [ours] = pair();
    const attempt = watch(tcp({ duplex: ours }).connect(connectContext()));
    expect(condition(watch(tcp({ duplex: ours }).connect(connectContext())).error)).toBe('duplex-busy');
    expect([ours.destroyed, ...attempt.log]).toEqual([false, 'next']);
    attempt.unsubscribe();
  });

  it('keeps nothing for TLS where the policy has none', () => {
    const [ours] = pair();
    const transport = tcp({ duplex: ours, security: 'starttls' });
    const attempt = watch(transport.connect(connectContext({ tls: 'disabled' })));
    expect(attempt.values[0]!.startTls).toBeUndefined();
    attempt.unsubscribe();
  });

  it('errors where it is destroyed already', () => {
    const [ours] = pair();
    ours.destroy();
    expect(condition(watch(tcp({ duplex: ours }).connect(connectContext())).error)).toBe('connection-closed');
  });

  it.each<[string, (ours: Duplex, theirs: Duplex) => Duplex]>([
    ['by the other side', (ours, theirs) => (theirs.end(), ours.resume())],
    ['by us', (ours) => ours.end()],
  ])('errors where it is ended already %s: neither end is told twice', async (_, end) => {
    const [ours, theirs] = pair();
    end(ours, theirs);
    await new Promise(setImmediate);
    expect(ours.destroyed).toBe(false);
    expect(condition(watch(tcp({ duplex: ours }).connect(connectContext())).error)).toBe('connection-closed');
  });

  it('is made anew for each attempt where it is a function', () => {
    const duplex = jest.fn(() => pair()[0]);
    const attempt$ = tcp({ duplex }).connect(connectContext());
    watch(attempt$).unsubscribe();
    watch(attempt$).unsubscribe();
    expect(duplex).toHaveBeenCalledTimes(2);
  });
});
