import { NEVER, VirtualTimeScheduler } from 'rxjs';
import { browserOnline, browserWake } from '../../lib/client/browser-events.js';
import { xmppClient } from '../../lib/client/xmpp-client.js';
import { websocket } from '../../lib/index.js';
import { expects, reply, scriptedTransport } from '../../lib/testing.js';
import { fakeFetch } from '../support/fake-fetch.js';
import { fakeWebSockets } from '../support/fake-web-socket.js';
import { watch } from '../support/watch.js';
import { replayCrypto } from '../support/wire-run.js';
import { ACCOUNT, goesOnline } from '../support/wire.js';

const NAMES = ['addEventListener', 'removeEventListener', 'document', 'navigator'] as const;

/** An event target that counts its listeners. */
class Counted extends EventTarget {
  listeners = 0;
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>) {
    this.listeners++;
    super.addEventListener(...args);
  }
  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>) {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

/** Makes the globals those of a browser, for one spec. */
function asBrowser({ onLine = true as boolean | null, page = true } = {}) {
  const window = new Counted();
  const document = Object.assign(new Counted(), { visibilityState: 'visible' });
  const navigator = { onLine };
  const globals = {
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
    document: page ? document : undefined,
    navigator,
  };
  for (const name of NAMES) {
    Object.defineProperty(globalThis, name, { value: globals[name], configurable: true, writable: true });
  }
  return {
    window,
    document,
    navigator,
    tell: (target: 'window' | 'document', type: string) =>
      (target === 'window' ? window : document).dispatchEvent(new Event(type)),
    show: (visibilityState: string) => {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event('visibilitychange'));
    },
    get listeners() {
      return window.listeners + document.listeners;
    },
  };
}

const before = NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
afterEach(() => {
  for (const [name, descriptor] of before) {
    Reflect.deleteProperty(globalThis, name);
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
  }
});

describe('browserOnline', () => {
  it.each([true, false])('tells what is, and each change (%s at first)', (onLine) => {
    const page = asBrowser({ onLine });
    const online = watch(browserOnline());
    page.tell('window', 'offline');
    page.tell('window', 'online');
    expect(online.values).toEqual([onLine, false, true]);
    online.unsubscribe();
    expect(page.listeners).toBe(0);
    page.tell('window', 'offline');
    expect(online.values).toHaveLength(3);
  });

  it('looks when it is subscribed to', () => {
    const online$ = browserOnline();
    asBrowser({ onLine: false });
    expect(watch(online$).values).toEqual([false]);
  });

  it('says nothing where the platform does not: Node, other runtimes', () => {
    expect(watch(browserOnline()).log).toEqual(['complete']);
    const page = asBrowser({ onLine: null });
    expect(watch(browserOnline()).log).toEqual(['complete']);
    expect(page.listeners).toBe(0);
  });
});

describe('browserWake', () => {
  it.each([
    ['the network is gone', 'window', 'offline'],
    ['the network is back', 'window', 'online'],
    ['the page is shown out of the cache', 'window', 'pageshow'],
    ['the page is thawed', 'document', 'resume'],
  ] as const)('tells when %s', (_, target, type) => {
    const page = asBrowser();
    const wake = watch(browserWake());
    page.tell(target, type);
    expect(wake.log).toEqual(['next']);
    wake.unsubscribe();
    expect(page.listeners).toBe(0);
  });

  it('tells when the page is shown, not when it is hidden', () => {
    const page = asBrowser();
    const wake = watch(browserWake());
    page.show('hidden');
    expect(wake.log).toEqual([]);
    page.show('visible');
    expect(wake.log).toEqual(['next']);
  });

  it('works in a worker, which has no document', () => {
    const page = asBrowser({ page: false });
    const wake = watch(browserWake());
    page.tell('window', 'online');
    expect(wake.log).toEqual(['next']);
  });

  it('says nothing in Node', () => {
    expect(watch(browserWake()).log).toEqual(['complete']);
  });
});

describe('xmppClient in a browser', () => {
  const scheduled = (options: object = {}) => {
    const scheduler = new VirtualTimeScheduler();
    const transport = scriptedTransport([]);
    const base = { jid: 'alice@example.org', credentials: { password: 'x' }, transport, scheduler, random: () => 0.5 };
    const client = xmppClient({ ...base, ...options });
    return { client, transport, status: watch(client.status$) };
  };

  it('waits for the network, and listens only while it is held', () => {
    const page = asBrowser({ onLine: false });
    const { client, transport, status } = scheduled();
    expect(page.listeners).toBe(0);
    const held = client.connect();
    expect([status.values.at(-1)!.kind, transport.connections]).toEqual(['waiting', 0]);
    page.tell('window', 'online');
    expect(transport.connections).toBe(1);
    held.unsubscribe();
    expect([page.listeners, transport.open]).toEqual([0, 0]);
  });

  it.each([
    ['wss://localhost/ws', 'localhost', 1],
    ['ws://127.0.0.1:5280/ws', 'example.org', 1],
    ['ws://[::1]:5280/ws', 'example.org', 1],
    // Looked up on this machine.
    [undefined, 'localhost', 1],
    ['wss://example.org/ws', 'localhost', 0],
    ['wss://localhost.example.org/ws', 'example.org', 0],
    [undefined, 'example.org', 0],
  ] as const)('without a network it dials %s (domain %s) %i times', (url, domain, times) => {
    const page = asBrowser({ onLine: false });
    const fakes = fakeWebSockets();
    const asked = fakeFetch({});
    const transport = websocket({ url, WebSocketCtor: fakes.WebSocketCtor, fetch: asked.fetch });
    const { client, status } = scheduled({ jid: `alice@${domain}`, transport });
    const held = client.connect();
    const dialled = () => fakes.sockets.length + asked.asked.length;
    expect([dialled(), status.values.at(-1)!.kind]).toEqual([times, times ? 'connecting' : 'waiting']);
    // What is under way stays so.
    page.tell('window', 'offline');
    expect([dialled(), status.values.at(-1)!.kind]).toEqual([times, times ? 'connecting' : 'waiting']);
    page.tell('window', 'online');
    expect([dialled(), status.values.at(-1)!.kind]).toEqual([1, 'connecting']);
    held.unsubscribe();
    expect(page.listeners).toBe(0);
  });

  type Page = ReturnType<typeof asBrowser>;
  it.each<[string, (page: Page) => void, number]>([
    ['the page is shown again', (page) => (page.show('hidden'), page.show('visible')), 0],
    ['the page is thawed', (page) => (page.tell('document', 'freeze'), page.tell('document', 'resume')), 0],
    ['the page comes out of the cache', (page) => page.tell('window', 'pageshow'), 0],
    ['the network is gone', (page) => page.tell('window', 'offline'), Infinity],
    ['the network is back', (page) => page.tell('window', 'online'), 0],
  ])('asks at once whether its link lives when %s, and knows within one probe', (_, happens, delay) => {
    const page = asBrowser();
    const scheduler = new VirtualTimeScheduler();
    const ping = (id: string) => expects(`<iq type='get' id='${id}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    const pong = reply(`<iq type='result' id='{first}'/>`);
    const transport = scriptedTransport(goesOnline(ping('{first}'), pong, ping('*')), { tls: true });
    const client = xmppClient({
      ...{
        jid: ACCOUNT,
        credentials: { external: true },
        transport,
        scheduler,
        random: () => 0.5,
        crypto: replayCrypto,
      },
      reconnect: { backoff: () => 0 },
      streamManagement: false,
    });
    const status = watch(client.status$);
    const held = client.connect();
    const flush = (until: number) => {
      scheduler.maxFrames = until;
      scheduler.flush();
    };
    const now = () => [transport.connections, status.values.at(-1)!.kind];
    const asked = () => transport.log.filter(({ text }) => text.includes('<ping')).map(({ time }) => time);
    for (const time of [1000, 20_000]) scheduler.schedule(() => happens(page), time);
    // It lives: one question, one answer.
    flush(19_999);
    expect([asked(), now()]).toEqual([[1000], [1, 'online']]);
    // It does not.
    flush(34_999);
    transport.verify();
    expect([asked(), now()]).toEqual([
      [1000, 20_000],
      [1, 'online'],
    ]);
    flush(35_000);
    const waiting = status.values.filter(({ kind }) => kind === 'waiting');
    expect(waiting).toMatchObject([{ delay, until: 35_000 + delay, error: { condition: 'timeout' } }]);
    expect(transport.connections).toBe(delay === 0 ? 2 : 1);
    held.unsubscribe();
    expect(page.listeners).toBe(0);
  });

  it('heeds its options instead', () => {
    const page = asBrowser({ onLine: false });
    const { client, transport } = scheduled({ online$: NEVER, wake$: NEVER });
    const held = client.connect();
    expect([transport.connections, page.listeners]).toEqual([1, 0]);
    held.unsubscribe();
  });
});
