import { VirtualTimeScheduler } from 'rxjs';
import type { TransportError } from '../../../lib/errors/transport-error.js';
import { hostMeta } from '../../../lib/transport/websocket/host-meta.js';
import { websocket } from '../../../lib/transport/websocket/websocket.js';
import { connectContext, traceLines } from '../../support/connect-context.js';
import { fakeFetch, type FakeAnswer } from '../../support/fake-fetch.js';
import { fakeWebSockets } from '../../support/fake-web-socket.js';
import { watch } from '../../support/watch.js';

const WS = 'urn:xmpp:alt-connections:websocket';
const BOSH = 'urn:xmpp:alt-connections:xbosh';
const XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0';

const json = (...links: unknown[]) => JSON.stringify({ links });
const link = (href: unknown, rel: unknown = WS) => ({ rel, href });
const xrd = (...hrefs: string[]) =>
  `<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='${XRD}'>${hrefs.map((href) => `<Link rel='${WS}' href='${href}'/>`).join('\n')}</XRD>`;

async function lookUp(answers: Readonly<Record<string, FakeAnswer>>, domain = 'example.org') {
  const { fetch, urls, asked } = fakeFetch(answers);
  const attempt = watch(hostMeta(domain, fetch));
  await attempt.ended;
  const found = attempt.values[0]?.map(({ href }) => href);
  expect(attempt.log.length).toBe(found ? 2 : 1);
  // Nothing is read any more.
  expect(asked.every(({ init }) => init.signal.aborted)).toBe(true);
  return { found, error: attempt.error as TransportError | undefined, urls: urls(), asked };
}

describe('hostMeta (XEP-0156): what it finds', () => {
  it('asks for host-meta.json alone where that tells', async () => {
    const { found, urls, asked } = await lookUp({
      'host-meta.json': { body: json(link('wss://ws.example.org/xmpp')) },
    });
    expect(found).toEqual(['wss://ws.example.org/xmpp']);
    expect(urls).toEqual(['https://example.org/.well-known/host-meta.json']);
    expect(asked[0]!.init).toMatchObject({
      redirect: 'error',
      credentials: 'omit',
      headers: { accept: 'application/json' },
    });
  });

  it.each<[string, string, string[]]>([
    ['several, in order', json(link('wss://a/1'), link('wss://b/2')), ['wss://a/1', 'wss://b/2']],
    ['one twice', json(link('wss://a/'), link('wss://a/'), link('wss://b/')), ['wss://a/', 'wss://b/']],
    ['those of BOSH left out', json(link('https://a/bosh', BOSH), link('wss://a/ws')), ['wss://a/ws']],
    ['those in clear left out', json(link('ws://a/'), link('ws://localhost/'), link('wss://b/')), ['wss://b/']],
    [
      'what is no address left out',
      json(link('wss://'), link('wss://a b/'), link('wss://u:p@c/'), link(''), link('wss://b/')),
      ['wss://b/'],
    ],
    [
      'what is no link left out',
      json(null, 1, 'x', [], {}, link(7), link(null), { rel: WS }, link('wss://b/')),
      ['wss://b/'],
    ],
    [
      'at most eight',
      json(...Array.from({ length: 500 }, (_, i) => link(`wss://a/${i}`))),
      [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `wss://a/${i}`),
    ],
    ['after a byte order mark', `\ufeff${json(link('wss://a/'))}`, ['wss://a/']],
    [
      'beside other things',
      `{"subject":"x","links":[{"rel":"${WS}","href":"wss://a/","titles":{}}],"properties":{}}`,
      ['wss://a/'],
    ],
  ])('in JSON: %s', async (_, body, expected) => {
    expect((await lookUp({ 'host-meta.json': { body } })).found).toEqual(expected);
  });

  it.each<[string, string, string[]]>([
    ['one', xrd('wss://a/'), ['wss://a/']],
    ['several, in order', xrd('wss://a/1', 'wss://b/2'), ['wss://a/1', 'wss://b/2']],
    ['those in clear left out', xrd('ws://a/', 'wss://b/'), ['wss://b/']],
    ['with a prefix', `<x:XRD xmlns:x='${XRD}'><x:Link rel='${WS}' href='wss://a/'/></x:XRD>`, ['wss://a/']],
    ['with references', xrd('wss://a/?b&amp;c'), ['wss://a/?b&c']],
    ['with comments', `${xrd('wss://a/').replace('<Link', '<!-- ours: --><Link')}<!-- <a/>\n -->`, ['wss://a/']],
    ['what a comment holds left out', xrd('wss://a/', 'wss://b/').replace(/<Link.*/, '<!-- $& -->'), ['wss://b/']],
    [
      'within other things',
      `<XRD xmlns='${XRD}'><Subject>x</Subject><Link rel='lrdd' template='y'/><Link rel='${WS}' href='wss://a/'/></XRD>`,
      ['wss://a/'],
    ],
    ['with white space around', `\n ${xrd('wss://a/')}\n`, ['wss://a/']],
  ])('in XML: %s', async (_, body, expected) => {
    const { found, urls } = await lookUp({ 'host-meta': { body } });
    expect(found).toEqual(expected);
    expect(urls).toEqual([
      'https://example.org/.well-known/host-meta.json',
      'https://example.org/.well-known/host-meta',
    ]);
  });

  it.each<[string, FakeAnswer]>([
    ['404', { status: 404 }],
    ['500', { status: 500, body: json(link('wss://evil/')) }],
    ['204 without content', { status: 204 }],
    ['an empty body', { body: '' }],
    ['HTML', { body: '<!DOCTYPE html><html></html>' }],
    ['JSON cut short', { body: json(link('wss://evil/')).slice(0, -1) }],
    ['JSON with more behind it', { body: json(link('wss://evil/')) + '{}' }],
    ['null', { body: 'null' }],
    ['a number', { body: '7' }],
    ['a list', { body: '[]' }],
    ['links that are none', { body: '{"links":{"0":1}}' }],
    ['no link', { body: json() }],
    ['only ws: (T6)', { body: json(link('ws://example.org/ws')) }],
    ['only an address that is none', { body: json(link('wss://')) }],
    ['no UTF-8', { body: new Uint8Array([0x7b, 0xff, 0x7d]) }],
    ['a redirect (T6)', { error: new TypeError('fetch failed: unexpected redirect') }],
    ['a certificate for another host (T6)', { error: new TypeError('fetch failed') }],
  ])('looks at the XML where the JSON is %s', async (_, answer) => {
    const { found } = await lookUp({ 'host-meta.json': answer, 'host-meta': { body: xrd('wss://a/') } });
    expect(found).toEqual(['wss://a/']);
  });

  it.each<[string, FakeAnswer]>([
    ['a link of something else', { body: json(link('wss://evil/', BOSH)) }],
    ['a link to a list', { body: json(link(['wss://evil/'])) }],
    ['no UTF-8 in what is not looked at', { body: Buffer.from(json(link('wss://evil/'), '\u00e9'), 'latin1') }],
  ])('nor takes %s', async (_, answer) => {
    const { found } = await lookUp({ 'host-meta.json': answer, 'host-meta': { body: xrd('wss://a/') } });
    expect(found).toEqual(['wss://a/']);
  });

  it('reads a character that is cut by the chunks', async () => {
    const octets = new TextEncoder().encode(json(link('wss://b\u00fccher.example/')));
    const body = (async function* () {
      for (const octet of octets) yield await Promise.resolve(new Uint8Array([octet]));
    })();
    expect((await lookUp({ 'host-meta.json': { body } })).found).toEqual(['wss://xn--bcher-kva.example/']);
  });

  it('asks for XRD by its media type', async () => {
    const { asked } = await lookUp({ 'host-meta': { body: xrd('wss://a/') } });
    expect(asked[1]!.init.headers).toEqual({ accept: 'application/xrd+xml' });
  });

  it('is cold, and asks again for each subscriber', () => {
    const { fetch, asked } = fakeFetch({ 'host-meta.json': { error: null } });
    const found$ = hostMeta('example.org', fetch);
    expect(asked).toHaveLength(0);
    const watches = [watch(found$), watch(found$)];
    expect(asked).toHaveLength(2);
    watches.forEach((each) => each.unsubscribe());
    expect(asked.map(({ init }) => init.signal.aborted)).toEqual([true, true]);
  });
});

describe('hostMeta: what it refuses (T6)', () => {
  it.each<[string, FakeAnswer]>([
    ['nothing', { status: 404 }],
    ['an empty body', { body: '' }],
    ['a DTD', { body: `<!DOCTYPE XRD [<!ENTITY a 'wss://evil/'>]>${xrd('wss://evil/')}` }],
    [
      'a DTD after the declaration',
      { body: `<?xml version='1.0'?><!DOCTYPE XRD SYSTEM 'https://evil/'>${xrd('wss://evil/').slice(39)}` },
    ],
    ['an entity', { body: xrd('&a;') }],
    ['a comment that does not end', { body: `${xrd('wss://evil/').replace('</XRD>', '')}<!-- </XRD>` }],
    ['nothing but such', { body: '<!--'.repeat(16_000) }],
    ['half a document', { body: xrd('wss://evil/').slice(0, -3) }],
    ['no XRD', { body: xrd('wss://evil/').replaceAll('XRD', 'XRDS') }],
    ['another namespace', { body: xrd('wss://evil/').replace(XRD, 'urn:other') }],
    ['links of another namespace', { body: xrd('wss://evil/').replace('<Link', "<Link xmlns='urn:other'") }],
    ['links further in', { body: xrd('wss://evil/').replace('<Link', '<a><Link').replace('</XRD>', '</a></XRD>') }],
    ['only ws:', { body: xrd('ws://evil/') }],
    ['links of something else', { body: xrd('wss://evil/').replace(WS, BOSH) }],
    [
      'an XML declaration further in',
      { body: xrd('wss://evil/').slice(39).replace('<Link', "<?xml version='1.0'?><Link") },
    ],
    ['no UTF-8', { body: new Uint8Array([0xff, 0xfe, 0x3c, 0]) }],
    ['endless depth', { body: '<a>'.repeat(20_000) }],
    ['a redirect', { error: new TypeError('unexpected redirect') }],
  ])('%s', async (_, answer) => {
    const { found, error } = await lookUp({ 'host-meta': answer });
    expect(found).toBeUndefined();
    expect(error).toMatchObject({ condition: 'discovery-failed', phase: 'resolve', retryable: true });
    expect(error!.errors).toHaveLength(2);
    expect(error!.text).toBe('example.org does not tell where its WebSocket is; set `url`');
  });

  it.each<[string, FakeAnswer, FakeAnswer, RegExp, RegExp]>([
    ['nothing there', { status: 404 }, { status: 410 }, /host-meta\.json .*404/, /host-meta .*410/],
    [
      'no link',
      { body: json() },
      { body: xrd() },
      /example\.org.*host-meta\.json|host-meta\.json.*example\.org/,
      /host-meta\b/,
    ],
    ['links that are none', { body: '{"links":{"0":1}}' }, { body: '' }, /host-meta\.json/, /host-meta\b/],
    ['no JSON', { body: '{' }, { error: new TypeError('gone') }, /host-meta\.json/, /host-meta\b/],
  ])('and tells what was wrong with each: %s', async (_, first, second, ...texts) => {
    const { error } = await lookUp({ 'host-meta.json': first, 'host-meta': second });
    const errors = error!.errors as (Error & { text?: string })[];
    expect(error!.cause).toBe(errors[0]);
    errors.forEach(({ text, message }, at) => {
      if (text !== undefined) expect(text).toMatch(texts[at]!);
      else expect(message).not.toMatch(/undefined|is not a function/);
    });
  });

  it('and keeps the cause of what cannot be read, if there is one', async () => {
    const cause = new TypeError('gone');
    const { error } = await lookUp({ 'host-meta.json': { error: cause } });
    const [first, second] = error!.errors as TransportError[];
    expect([first!.cause, first!.errors]).toEqual([cause, [cause]]);
    expect([second!.cause, second!.errors]).toEqual([undefined, []]);
  });

  it('nothing of XML of exactly 64 KiB', async () => {
    const document = xrd('wss://a/');
    const body = document.replace('</XRD>', `${' '.repeat(64 * 1024 - document.length)}</XRD>`);
    expect((await lookUp({ 'host-meta': { body } })).found).toEqual(['wss://a/']);
  });

  it('a body of 64 KiB and more, of which it reads no more than that', async () => {
    let chunks = 0;
    const endless = async function* () {
      for (;;) {
        chunks++;
        await new Promise(setImmediate);
        yield new Uint8Array(16 * 1024).fill(0x20);
      }
    };
    const { error } = await lookUp({ 'host-meta.json': { body: endless() }, 'host-meta': { body: endless() } });
    const { errors } = error!;
    expect(errors.map((each) => (each as TransportError).text)).toEqual([
      'https://example.org/.well-known/host-meta.json is larger than 65536 octets',
      'https://example.org/.well-known/host-meta is larger than 65536 octets',
    ]);
    expect(chunks).toBeLessThan(20);
  });

  it('nothing of exactly 64 KiB', async () => {
    const body = json(link('wss://a/')).padEnd(64 * 1024);
    expect((await lookUp({ 'host-meta.json': { body } })).found).toEqual(['wss://a/']);
    expect((await lookUp({ 'host-meta.json': { body: `${body} ` } })).error).toBeDefined();
  });

  it('asks the domain itself over HTTPS, whatever it is called', async () => {
    const { urls } = await lookUp({}, 'xn--bcher-kva.example');
    expect(urls[0]).toBe('https://xn--bcher-kva.example/.well-known/host-meta.json');
  });
});

describe('websocket without a url', () => {
  function connecting(answers: Readonly<Record<string, FakeAnswer>>, location?: string) {
    const scheduler = new VirtualTimeScheduler();
    const fakes = fakeWebSockets();
    const { fetch, asked } = fakeFetch(answers);
    const { trace, lines } = traceLines();
    const { timeouts } = connectContext({ timeouts: { resolve: 50, target: 70 } });
    const transport = websocket({ WebSocketCtor: fakes.WebSocketCtor, fetch });
    const attempt = watch(transport.connect(connectContext({ scheduler, trace, timeouts, location })));
    const flush = (until: number) => {
      scheduler.maxFrames = until;
      scheduler.flush();
    };
    const pending = () => scheduler.actions.filter(({ closed }) => !closed).length;
    return { attempt, fakes, asked, lines, flush, pending };
  }
  /** Promises of `fetch` are beyond virtual time. */
  const settled = async () => {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };

  it('tries what it finds, one after the other', async () => {
    const body = json(link('wss://a.example/ws'), link('wss://b.example:5281/ws'));
    const { attempt, fakes, lines, pending } = connecting({ 'host-meta.json': { body } });
    await settled();
    fakes.socket.closed();
    fakes.socket.open();
    expect(attempt.log).toEqual(['next']);
    expect(fakes.sockets.map(({ url, closes }) => [url, closes.length])).toEqual([
      ['wss://a.example/ws', 1],
      ['wss://b.example:5281/ws', 0],
    ]);
    expect(pending()).toBe(0);
    expect(lines).toEqual([
      'resolving',
      'resolved',
      'connecting a.example direct',
      'target-failed a.example direct websocket-failed',
      'connecting b.example direct',
      'connected b.example direct',
    ]);
  });

  it('has a timer for each address', async () => {
    const body = json(link('wss://a.example/ws'), link('wss://b.example/ws'));
    const { attempt, fakes, flush } = connecting({ 'host-meta.json': { body } });
    await settled();
    flush(70);
    expect(fakes.sockets).toHaveLength(2);
    flush(139);
    expect(attempt.log).toEqual([]);
    flush(140);
    expect(attempt.error).toMatchObject({ condition: 'all-targets-failed', phase: 'connect', retryable: true });
    expect((attempt.error as TransportError).errors).toMatchObject([
      { condition: 'timeout' },
      { condition: 'timeout' },
    ]);
  });

  it.each<[string, FakeAnswer]>([
    ['silent', { error: null }],
    [
      'slow',
      {
        body: (async function* () {
          for (;;) {
            yield new Uint8Array([0x20]);
            await new Promise((resolve) => setTimeout(resolve, 1).unref());
          }
        })(),
      },
    ],
  ])('gives up a server that is %s, and aborts (T6)', async (_, answer) => {
    const { attempt, asked, flush, pending } = connecting({ 'host-meta.json': answer });
    await settled();
    flush(49);
    expect([attempt.log, asked[0]!.init.signal.aborted]).toEqual([[], false]);
    flush(50);
    expect(attempt.error).toMatchObject({ layer: 'timeout', phase: 'resolve', retryable: true });
    await settled();
    expect([asked.map(({ init }) => init.signal.aborted), pending()]).toEqual([[true], 0]);
  });

  it('aborts the look-up when unsubscribed, and opens nothing', async () => {
    const { attempt, asked, fakes, pending } = connecting({ 'host-meta.json': { body: json(link('wss://a/')) } });
    attempt.unsubscribe();
    await settled();
    expect([asked[0]!.init.signal.aborted, fakes.sockets, attempt.log, pending()]).toEqual([true, [], [], 0]);
  });

  it('errors, and does not complete, where the domain tells nothing', async () => {
    const { attempt, fakes } = connecting({ 'host-meta.json': { status: 204 }, 'host-meta': { status: 204 } });
    await settled();
    expect(attempt.error).toMatchObject({ condition: 'discovery-failed', phase: 'resolve' });
    expect(fakes.sockets).toEqual([]);
  });

  it('looks up where it was sent to only once nobody is there', async () => {
    const { fakes, asked } = connecting({ 'host-meta.json': { body: json(link('wss://a/')) } }, 'wss://b/');
    await settled();
    expect([fakes.sockets.map(({ url }) => url), asked]).toEqual([['wss://b/'], []]);
    fakes.socket.closed();
    await settled();
    expect(fakes.sockets.map(({ url }) => url)).toEqual(['wss://b/', 'wss://a/']);
  });
});
