import { take, VirtualTimeScheduler } from 'rxjs';
import { websocket, type WebSocketConfig } from '../../../lib/transport/websocket/websocket.js';
import type { ConnectContext, Connection } from '../../../lib/transport/transport.js';
import { connectContext, traceLines } from '../../support/connect-context.js';
import { fakeWebSockets, type FakeWebSocket } from '../../support/fake-web-socket.js';
import { watch } from '../../support/watch.js';

const URL = 'wss://example.org/ws';

function connecting(config: Partial<WebSocketConfig> = {}, context: Partial<ConnectContext> = {}) {
  const scheduler = new VirtualTimeScheduler();
  const fakes = fakeWebSockets();
  const { trace, lines } = traceLines();
  const transport = websocket({ url: URL, WebSocketCtor: fakes.WebSocketCtor, ...config });
  const attempt = watch(transport.connect(connectContext({ scheduler, trace, ...context })));
  const flush = (until: number) => {
    scheduler.maxFrames = until;
    scheduler.flush();
  };
  const pending = () => scheduler.actions.filter(({ closed }) => !closed).length;
  return { attempt, fakes, scheduler, lines, flush, pending };
}

/** A connection that is open, and a reader of its input. */
function opened(config: Partial<WebSocketConfig> = {}) {
  const made = connecting(config);
  const { socket } = made.fakes;
  socket.open();
  const connection = made.attempt.values[0]!;
  return { ...made, socket, connection, read: () => watch(connection.input$) };
}

const condition = (error: unknown) => {
  const { layer, condition: name, phase, retryable } = error as Record<string, unknown>;
  return [layer, name, phase, retryable];
};

describe('websocket: opening', () => {
  it('does nothing until subscribed, and opens one socket for each subscriber', () => {
    const { WebSocketCtor, sockets } = fakeWebSockets();
    const attempt$ = websocket({ url: URL, WebSocketCtor }).connect(connectContext());
    expect(sockets).toHaveLength(0);
    const attempts = [watch(attempt$), watch(attempt$)];
    expect(sockets.map(({ url, protocols }) => [url, protocols])).toEqual([
      [URL, ['xmpp']],
      [URL, ['xmpp']],
    ]);
    attempts.forEach((attempt) => attempt.unsubscribe());
  });

  it('emits one connection once the socket is open', () => {
    const { attempt, fakes, lines, pending } = connecting();
    expect([attempt.log, fakes.socket.binaryType, pending()]).toEqual([[], 'arraybuffer', 1]);
    fakes.socket.open();
    expect(attempt.log).toEqual(['next']);
    expect(attempt.values[0]).toMatchObject({ framing: 'frames', tls: { protocol: 'unknown' }, bufferedBytes: 0 });
    // Neither STARTTLS nor channel binding: no -PLUS over WebSocket.
    expect(attempt.values[0]).not.toHaveProperty('startTls');
    expect(attempt.values[0]).not.toHaveProperty('channelBinding');
    expect(pending()).toBe(0);
    expect(lines).toEqual(['connecting example.org direct', 'connected example.org direct']);
  });

  it('counts a link within the machine as secure, and a plain one as not', () => {
    const tlsOf = (url: string) => {
      const { attempt, fakes } = connecting({ url, allowInsecure: true });
      fakes.socket.open();
      return attempt.values[0]!.tls;
    };
    expect(tlsOf('ws://localhost/')).toEqual({ protocol: 'loopback' });
    expect(tlsOf('ws://10.0.0.1/')).toBeUndefined();
  });

  it.each(['', 'XMPP', 'xmpp, chat', 'chat'])('refuses the subprotocol %p (X7)', (protocol) => {
    const { attempt, fakes, lines } = connecting();
    fakes.socket.open(protocol);
    expect(condition(attempt.error)).toEqual(['transport', 'subprotocol-mismatch', 'connect', false]);
    expect([attempt.values, fakes.socket.closes, fakes.socket.sent]).toEqual([[], [undefined], []]);
    expect(lines.at(-1)).toBe('target-failed example.org direct subprotocol-mismatch');
  });

  it.each([1006, 1002, 1015, 1000])('says so when the socket does not open (code %i)', (code) => {
    const { attempt, fakes, lines, pending } = connecting();
    fakes.socket.closed(code);
    expect(condition(attempt.error)).toEqual(['transport', 'websocket-failed', 'connect', true]);
    expect(pending()).toBe(0);
    expect(lines).toEqual(['connecting example.org direct', 'target-failed example.org direct websocket-failed']);
  });

  it('says so where it is told of the error alone, as Node 22 does: no `close` follows, and the socket connects for ever', () => {
    const { attempt, fakes, lines, pending } = connecting();
    fakes.socket.onerror?.({ error: new Error('no 101') } as never);
    expect(condition(attempt.error)).toEqual(['transport', 'websocket-failed', 'connect', true]);
    expect((attempt.error as Error).message).toContain('no WebSocket to wss://example.org/ws: no 101');
    expect([fakes.socket.closes, pending()]).toEqual([[undefined], 0]);
    expect(lines.at(-1)).toBe('target-failed example.org direct websocket-failed');
  });

  it('gives up after the bound of a target, and closes the socket', () => {
    const { attempt, fakes, flush } = connecting(
      {},
      { timeouts: connectContext({ timeouts: { target: 70 } }).timeouts },
    );
    flush(69);
    expect(attempt.log).toEqual([]);
    flush(70);
    expect(condition(attempt.error)).toEqual(['timeout', 'timeout', 'connect', true]);
    expect(fakes.socket.closes).toEqual([undefined]);
  });

  it('closes a socket that is still connecting when unsubscribed, and hears nothing of it any more', () => {
    const { attempt, fakes, pending, lines } = connecting();
    attempt.unsubscribe();
    expect([fakes.socket.closes, pending()]).toEqual([[undefined], 0]);
    // What `ws` does on close() in CONNECTING.
    expect(() => fakes.socket.onerror?.({} as never)).not.toThrow();
    // The late open of an old attempt, and all that follows.
    fakes.socket.open();
    fakes.socket.message('<a/>');
    fakes.socket.closed();
    expect([attempt.log, lines]).toEqual([[], ['connecting example.org direct']]);
  });

  it('types what the platform throws: mixed content, a policy of the page', () => {
    const cause = new Error('SecurityError');
    const WebSocketCtor = class {
      constructor() {
        throw cause;
      }
    } as never;
    const { attempt } = connecting({ WebSocketCtor });
    expect(condition(attempt.error)).toEqual(['transport', 'websocket-failed', 'connect', false]);
    expect(attempt.error).toMatchObject({ cause });
  });

  it('says what is missing where there is no WebSocket', () => {
    const platform = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Reflect.deleteProperty(globalThis, 'WebSocket');
    try {
      const attempt = watch(websocket({ url: URL }).connect(connectContext()));
      expect(condition(attempt.error)).toEqual(['usage', 'no-websocket', undefined, false]);
    } finally {
      if (platform) Object.defineProperty(globalThis, 'WebSocket', platform);
    }
  });

  it("takes the platform's WebSocket, as it is when subscribed to", () => {
    const platform = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    const { WebSocketCtor, sockets } = fakeWebSockets();
    const attempt$ = websocket({ url: URL }).connect(connectContext());
    Object.defineProperty(globalThis, 'WebSocket', { value: WebSocketCtor, configurable: true, writable: true });
    try {
      watch(attempt$).unsubscribe();
      expect(sockets).toHaveLength(1);
    } finally {
      Reflect.deleteProperty(globalThis, 'WebSocket');
      if (platform) Object.defineProperty(globalThis, 'WebSocket', platform);
    }
  });

  it.each([
    ['ws://example.org/ws', 'insecure-url'],
    ['https://example.org/ws', 'bad-url'],
  ])('opens no socket to %s', (url, name) => {
    const { attempt, fakes } = connecting({ url });
    expect(attempt.error).toMatchObject({ condition: name, retryable: false });
    expect(fakes.sockets).toEqual([]);
  });

  it('shows no query anywhere', () => {
    const { attempt, fakes } = connecting({ url: 'wss://example.org/ws?token=pencil' });
    expect(fakes.socket.url).toBe('wss://example.org/ws?token=pencil');
    fakes.socket.closed();
    expect(JSON.stringify(attempt.error) + String(attempt.error)).not.toContain('pencil');
  });
});

describe('websocket: where the server sends us', () => {
  const elsewhere = 'wss://b.example.org/ws';

  it('goes there first', () => {
    const { attempt, fakes } = connecting({}, { location: elsewhere });
    expect(fakes.sockets.map(({ url }) => url)).toEqual([elsewhere]);
    fakes.socket.open();
    expect(attempt.log).toEqual(['next']);
  });

  it('comes back where nobody is there, once that socket is let go', () => {
    const { attempt, fakes } = connecting({}, { location: elsewhere });
    fakes.socket.closed();
    expect(fakes.sockets.map(({ url, closes }) => [url, closes])).toEqual([
      [elsewhere, [undefined]],
      [URL, []],
    ]);
    fakes.socket.closed();
    expect(condition(attempt.error)).toEqual(['transport', 'websocket-failed', 'connect', true]);
  });

  it('does not come back for a loss', () => {
    const { attempt, fakes } = connecting({}, { location: elsewhere });
    fakes.socket.open();
    fakes.socket.closed();
    expect([attempt.log, fakes.sockets.length]).toEqual([['next', 'error'], 1]);
  });

  it.each([
    'ws://b.example.org/ws',
    'ws://localhost/ws',
    'ws://127.0.0.1/',
    'https://b.example.org/',
    'wss://',
    'wss://a b/',
    'wss://a:b@c/',
    'b.example.org',
    'b.example.org:5222',
    '[::1]:5222',
  ])('never goes to %s', (location) => {
    const { fakes } = connecting({ allowInsecure: true }, { location });
    expect(fakes.sockets.map(({ url }) => url)).toEqual([URL]);
  });
});

describe('websocket: reading', () => {
  it('reads what came before there was a reader, in order, and what comes then', () => {
    const { socket, read } = opened();
    socket.message('a');
    socket.message('b');
    const reader = read();
    socket.message('c');
    expect(reader.values).toEqual(['a', 'b', 'c']);
  });

  it('loses nothing between two readers, also if one leaves in the midst of what came', () => {
    const { socket, connection, read } = opened();
    for (const text of ['a', 'b', 'c']) socket.message(text);
    expect(watch(connection.input$.pipe(take(1))).values).toEqual(['a']);
    socket.message('d');
    expect(read().values).toEqual(['b', 'c', 'd']);
  });

  it('keeps the order when a message arrives while older ones are handed over', () => {
    const { socket, connection } = opened();
    socket.message('a');
    socket.message('b');
    const values: string[] = [];
    connection.input$.subscribe((text) => {
      values.push(text as string);
      if (text === 'a') socket.message('c');
    });
    expect(values).toEqual(['a', 'b', 'c']);
  });

  it('has one reader at a time', () => {
    const { read } = opened();
    read();
    expect(condition(read().error)).toEqual(['usage', 'input-busy', undefined, false]);
  });

  it.each([
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['octets', new Uint8Array([60, 97, 62])],
    ['a Blob', new Blob(['<a/>'])],
  ])('refuses %s (X7)', (_, data) => {
    const { attempt, socket, read, pending } = opened();
    const reader = read();
    socket.message(data);
    socket.message('<a/>');
    expect(condition(reader.error)).toEqual(['stream', 'bad-format', undefined, false]);
    expect([reader.values, reader.log, attempt.log]).toEqual([[], ['error'], ['next', 'error']]);
    expect(attempt.error).toBe(reader.error);
    expect([socket.closes, pending()]).toEqual([[1000], 0]);
  });

  it('leaves a server that floods it while nobody reads (X2)', () => {
    const { attempt, socket, read } = opened();
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 16; i++) socket.message(megabyte);
    expect(attempt.log).toEqual(['next']);
    socket.message('y');
    expect(condition(attempt.error)).toEqual(['stream', 'policy-violation', undefined, false]);
    expect(socket.closes).toEqual([1000]);
    // What had come is let go with the rest.
    expect(read().log).toEqual(['error']);
  });

  it('leaves a server that floods it with messages of nothing (X2)', () => {
    const { attempt, socket } = opened();
    for (let i = 0; i < 16 * 1024; i++) socket.message('');
    expect(attempt.log).toEqual(['next']);
    socket.message('');
    expect(condition(attempt.error)).toEqual(['stream', 'policy-violation', undefined, false]);
  });

  it('counts what waits anew once it is read', () => {
    const { attempt, connection, socket } = opened();
    const text = 'x'.repeat(9 * 1024 * 1024);
    for (let i = 0; i < 3; i++) {
      socket.message(text);
      expect(watch(connection.input$.pipe(take(1))).log).toEqual(['next', 'complete']);
    }
    expect(attempt.log).toEqual(['next']);
  });

  it.each(['\u{1f600}', 'a\u00e9\u20ac', '\u007f\u0080', '\u07ff\u0800', '\ud7ff\ue000', '\u{10000}\u{103ff}'])(
    'counts octets, not characters: %j',
    (text) => {
      const { socket, connection } = opened();
      socket.message(text);
      expect(connection.bytesReceived).toBe(Buffer.byteLength(text));
    },
  );

  it('hears nothing before it is open', () => {
    const { attempt, fakes } = connecting();
    expect(() => fakes.socket.message('<a/>')).not.toThrow();
    expect(attempt.log).toEqual([]);
  });
});

describe('websocket: how it ends', () => {
  it.each([
    ['the peer closes in good order', 1000, ['complete']],
    ['the peer goes away', 1001, ['error']],
    ['a protocol error', 1002, ['error']],
    ['no code', 1005, ['error']],
    ['the link is cut', 1006, ['error']],
    ['a policy', 1008, ['error']],
    ['a server error', 1011, ['error']],
  ])('%s (code %i)', (_, code, log) => {
    const { attempt, socket, read } = opened();
    const reader = read();
    // In the reason a hostile server could repeat a password.
    socket.closed(code, 'because');
    expect(reader.log).toEqual(log);
    expect(attempt.log).toEqual(['next', 'error']);
    expect(condition(attempt.error)).toEqual(['transport', 'connection-closed', undefined, true]);
    expect((attempt.error as Error).message).toMatch(new RegExp(`\\(code ${code}\\)$`));
  });

  it('keeps what was told of it as an error before', () => {
    const { attempt, socket } = opened();
    const cause = new Error('Invalid WebSocket frame');
    socket.onerror?.({ error: cause } as never);
    socket.onclose?.({ code: 1006, reason: '', wasClean: false } as never);
    expect(attempt.error).toMatchObject({ condition: 'connection-closed', cause });
  });

  it('tells a reader that comes later, after what had come', () => {
    const scheduler = new VirtualTimeScheduler();
    const { WebSocketCtor, sockets } = fakeWebSockets();
    let connection!: Connection;
    let reader: ReturnType<typeof watch<Uint8Array | string>> | undefined;
    websocket({ url: URL, WebSocketCtor })
      .connect(connectContext({ scheduler }))
      .subscribe({ next: (value) => (connection = value), error: () => undefined });
    const socket = sockets[0]!;
    socket.open();
    socket.message('a');
    // From within the teardown of something else, say.
    socket.onclose = ((wrapped) => (event: never) => {
      reader = watch(connection.input$);
      wrapped?.(event);
    })(socket.onclose);
    socket.closed();
    expect([reader!.values, reader!.log]).toEqual([['a'], ['next', 'error']]);
  });

  it.each([
    ['in good order', 1000, 'complete'],
    ['by a loss', 1006, 'error'],
  ])('tells a reader that comes after the end, and nothing else: %s', (_, code, end) => {
    const { socket, connection, read } = opened();
    socket.message('a');
    watch(connection.input$.pipe(take(1)));
    socket.closed(code);
    expect([read().log, read().values]).toEqual([[end], []]);
  });

  it('hears and writes nothing any more while the end is told', () => {
    const { socket, connection } = opened();
    const received: unknown[] = [];
    connection.input$.subscribe({
      error: () => {
        connection.write('<b/>', () => undefined);
        const before = connection.bytesReceived;
        socket.message('<a/>');
        received.push(connection.bytesReceived - before, watch(connection.input$).log);
      },
    });
    socket.message(new ArrayBuffer(1));
    expect([received, socket.sent]).toEqual([[0, ['error']], []]);
  });

  it('completes when we ended it, whatever the code', () => {
    for (const code of [1000, 1005, 1006]) {
      const { attempt, socket, connection, read } = opened();
      const reader = read();
      connection.end();
      connection.end();
      expect(socket.closes).toEqual([1000]);
      socket.closed(code);
      expect([reader.log, attempt.log]).toEqual([['complete'], ['next', 'complete']]);
    }
  });

  it('is closed and heard no more when unsubscribed', () => {
    const { attempt, socket, read, pending, connection } = opened();
    const reader = read();
    connection.write('<a/>', () => undefined);
    attempt.unsubscribe();
    expect([socket.closes, pending()]).toEqual([[1000], 0]);
    socket.message('<b/>');
    socket.closed();
    connection.write('<c/>');
    expect([reader.log, attempt.log, socket.sent]).toEqual([[], ['next'], ['<a/>']]);
    expect(() => socket.onerror?.({} as never)).not.toThrow();
  });
});

describe('websocket: writing', () => {
  /** Drains what is buffered. */
  const drain = (socket: FakeWebSocket, octets = socket.bufferedAmount) => (socket.bufferedAmount -= octets);

  it('calls back once it was handed over, never from within write', () => {
    const { connection, socket, flush, pending } = opened();
    const log: string[] = [];
    connection.write('a', () => log.push('a'));
    connection.write('b');
    connection.write('c', () => log.push('c'));
    expect([log, socket.sent]).toEqual([[], ['a', 'b', 'c']]);
    flush(0);
    expect([log, pending()]).toEqual([['a', 'c'], 0]);
  });

  it('tells of no progress where nothing was taken, also if what is buffered has headers of frames in it', () => {
    const { socket, connection } = opened();
    connection.write('ab');
    expect(connection.bytesSent).toBe(2);
    socket.stalled = true;
    connection.write('cdef');
    socket.bufferedAmount += 6;
    expect(connection.bytesSent).toBe(2);
    connection.write('g');
    socket.bufferedAmount += 6;
    expect(connection.bytesSent).toBe(2);
    socket.bufferedAmount = 0;
    expect(connection.bytesSent).toBe(7);
  });

  it('calls back in order, each when its own octets are gone', () => {
    const { connection, socket, flush, scheduler, pending } = opened();
    socket.stalled = true;
    const log: string[] = [];
    connection.write('\u20ac', () => log.push(`a ${scheduler.now()}`));
    connection.write('bb', () => log.push(`b ${scheduler.now()}`));
    expect([connection.bufferedBytes, connection.bytesSent]).toEqual([5, 0]);
    flush(100);
    expect(log).toEqual([]);
    drain(socket, 2);
    flush(150);
    expect(log).toEqual([]);
    drain(socket, 1);
    expect([connection.bufferedBytes, connection.bytesSent]).toEqual([2, 3]);
    flush(200);
    expect(log).toEqual(['a 200']);
    drain(socket);
    flush(1000);
    expect([log, pending()]).toEqual([['a 200', 'b 250'], 0]);
  });

  it('asks the socket only while somebody waits', () => {
    const { connection, socket, pending } = opened();
    socket.stalled = true;
    connection.write('a');
    expect(pending()).toBe(0);
  });

  it.each(['lost', 'ended', 'unsubscribed'])('never calls back once the connection is %s', (how) => {
    const { attempt, connection, socket, flush, pending } = opened();
    socket.stalled = true;
    const written = jest.fn();
    connection.write('a', written);
    if (how === 'lost') socket.closed();
    else if (how === 'unsubscribed') attempt.unsubscribe();
    else {
      connection.end();
      socket.closed(1000);
    }
    socket.bufferedAmount = 0;
    flush(1000);
    expect([written.mock.calls, pending()]).toEqual([[], 0]);
    connection.write('b', written);
    expect(socket.sent).toEqual(['a']);
  });

  it('still calls back for what was written before the end that was asked for', () => {
    const { connection, socket, flush } = opened();
    socket.stalled = true;
    const written = jest.fn();
    connection.write('a', written);
    connection.end();
    drain(socket);
    flush(1000);
    expect(written).toHaveBeenCalledTimes(1);
  });

  it('writes nothing on a socket that closes by itself', () => {
    const { connection, socket } = opened();
    socket.readyState = 2;
    connection.write('a', () => undefined);
    expect([socket.sent, connection.bytesSent]).toEqual([[], 0]);
  });

  it('may be ended or written to from within a callback', () => {
    const { connection, socket, flush } = opened();
    const log: string[] = [];
    connection.write('a', () => {
      log.push('a');
      connection.write('b', () => {
        log.push('b');
        connection.end();
      });
    });
    flush(1000);
    expect([log, socket.sent, socket.closes]).toEqual([['a', 'b'], ['a', 'b'], [1000]]);
  });
});
