import { VirtualTimeScheduler } from 'rxjs';
import type { TransportError } from '../../../lib/errors/transport-error.js';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import type { Fetch } from '../../../lib/transport/websocket/host-meta.js';
import { isLoopback, websocketUrl } from '../../../lib/transport/websocket/websocket-url.js';
import { websocket, type WebSocketConfig } from '../../../lib/transport/websocket/websocket.js';
import { connectContext, traceLines } from '../../support/connect-context.js';
import { fakeFetch } from '../../support/fake-fetch.js';
import { fakeWebSockets, type FakeWebSocket } from '../../support/fake-web-socket.js';
import { watch } from '../../support/watch.js';

const URL = 'wss://example.org/ws';

function attemptOf(config: WebSocketConfig = {}, act: (socket: FakeWebSocket) => void = () => undefined) {
  const scheduler = new VirtualTimeScheduler();
  const fakes = fakeWebSockets((socket) => scheduler.schedule(() => act(socket)));
  const { trace, lines } = traceLines();
  const transport = websocket({ url: URL, WebSocketCtor: fakes.WebSocketCtor, ...config });
  const attempt = watch(transport.connect(connectContext({ scheduler, trace })));
  scheduler.flush();
  return { attempt, lines, text: (attempt.error as XmppError | undefined)?.text };
}

const textOf = (act: () => unknown): string => {
  try {
    return String(act());
  } catch (error) {
    return (error as XmppError).text;
  }
};

describe('websocket: what its errors tell people', () => {
  it.each<[string, (socket: FakeWebSocket) => void, RegExp]>([
    ['a subprotocol that is none', (socket) => socket.open('chat'), /wss:\/\/example\.org\/ws .*'chat'/],
    [
      'the reason, where there is one',
      (socket) => socket.onerror?.({ error: new Error('ECONNREFUSED') } as never),
      /wss:\/\/example\.org\/ws: ECONNREFUSED$/,
    ],
    [
      'what may be the reason, where nobody says',
      (socket) => socket.onerror?.({ error: new Error('') } as never),
      /wss:\/\/example\.org\/ws: .*certificate/,
    ],
    ['where nobody is told anything', (socket) => socket.closed(), /wss:\/\/example\.org\/ws: .*certificate/],
    ['silence', () => undefined, /wss:\/\/example\.org\/ws/],
    [
      'an end without a reason',
      (socket) => {
        socket.open();
        socket.closed(1011);
      },
      /wss:\/\/example\.org\/ws .*code 1011\)$/,
    ],
    [
      'a binary message',
      (socket) => {
        socket.open();
        socket.message(new ArrayBuffer(1));
      },
      /binary/,
    ],
  ])('%s', (_, act, text) => {
    expect(attemptOf({}, act).text).toMatch(text);
  });

  it.each([
    [URL, /wss:\/\/example\.org\/ws$/],
    ['ws://localhost/ws', /ws:\/\/localhost\/ws.*wss:/],
  ])('what a page is not allowed: %s', (url, text) => {
    const WebSocketCtor = class {
      constructor() {
        throw new Error('SecurityError');
      }
    } as never;
    expect(attemptOf({ url, WebSocketCtor }).text).toMatch(text);
  });

  it('how many addresses did not answer', async () => {
    const links = ['wss://a.example/', 'wss://b.example/'].map((href) => ({
      rel: 'urn:xmpp:alt-connections:websocket',
      href,
    }));
    const { fetch } = fakeFetch({ 'host-meta.json': { body: JSON.stringify({ links }) } });
    const { WebSocketCtor } = fakeWebSockets((socket) => queueMicrotask(() => socket.closed()));
    const attempt = watch(websocket({ WebSocketCtor, fetch }).connect(connectContext()));
    await attempt.ended;
    expect((attempt.error as TransportError).text).toMatch(/\b2 /);
  });

  it('which domain does not answer', () => {
    const never: Fetch = () => new Promise(() => undefined);
    const { attempt, text } = attemptOf({ url: undefined as never, fetch: never });
    expect(attempt.error).toMatchObject({ condition: 'timeout', phase: 'resolve' });
    expect(text).toMatch(/example\.org .*answer/);
  });

  it('what the platform lacks', () => {
    for (const [name, config, condition] of [
      ['WebSocket', { WebSocketCtor: undefined as never }, 'no-websocket'],
      ['fetch', { url: undefined as never }, 'no-fetch'],
    ] as const) {
      const platform = Object.getOwnPropertyDescriptor(globalThis, name);
      Reflect.deleteProperty(globalThis, name);
      try {
        const { attempt, text } = attemptOf(config);
        expect(attempt.error).toMatchObject({ layer: 'usage', condition });
        expect(text).toMatch(name === 'fetch' ? /`(url|fetch)`/ : /`WebSocketCtor`/);
      } finally {
        if (platform) Object.defineProperty(globalThis, name, platform);
      }
    }
  });

  it('what is wrong with an address', () => {
    expect(textOf(() => websocketUrl('x', false))).toContain('wss://');
    expect(textOf(() => websocketUrl('https://a/', false))).toContain('wss://');
    for (const url of ['wss://me@a/', 'wss://:pencil@a/'])
      expect(textOf(() => websocketUrl(url, false))).toContain('credentials');
    expect(textOf(() => websocketUrl('ws://a.example/ws?x', false))).toMatch(
      /^ws:\/\/a\.example\/ws .*wss:\/\/.*`allowInsecure: true`/,
    );
  });

  it('the phase of an address in clear', () => {
    expect(attemptOf({ url: 'ws://a.example/' }).attempt.error).toMatchObject({ phase: 'connect' });
  });
});

describe('websocket: how a target is traced', () => {
  it.each([
    [URL, 'example.org direct'],
    ['ws://localhost/ws', 'localhost none'],
    ['ws://10.0.0.1/', '10.0.0.1 none'],
  ])('%s', (url, target) => {
    const { lines } = attemptOf({ url, allowInsecure: true }, (socket) => socket.open());
    expect(lines.slice(0, 2)).toEqual([`connecting ${target}`, `connected ${target}`]);
  });
});

describe('websocket: whether it stays within the machine', () => {
  it.each([
    ['ws://localhost:5280/', true],
    ['wss://127.0.0.1/', true],
    ['ws://[::1]/', true],
    ['wss://example.org/', false],
    ['ws://chat.localhost/', false],
    ['localhost', false],
    ['', false],
  ])('%s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });

  it('is told of the address, or of the domain where none is given', () => {
    expect(websocket({ url: 'ws://localhost/' }).isLoopback!('example.org')).toBe(true);
    expect(websocket({ url: URL }).isLoopback!('localhost')).toBe(false);
    expect(websocket().isLoopback!('localhost')).toBe(true);
    expect(websocket().isLoopback!('example.org')).toBe(false);
    expect(websocket().name).toBe('websocket');
  });
});
