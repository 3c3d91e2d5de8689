import { tcp } from '../../../lib/transport/node/index.js';
import { nodeResolver } from '../../../lib/transport/node/node-resolver.js';
import type { Transport } from '../../../lib/transport/transport.js';
import { websocket } from '../../../lib/transport/websocket/websocket.js';
import { scriptedTransport } from '../../../lib/testing.js';
import { dnsServer, type DnsZone } from '../../servers/dns.js';
import { fakeFetch, type FakeAnswer } from '../../support/fake-fetch.js';
import { fakeWebSockets, type FakeWebSocket } from '../../support/fake-web-socket.js';
import { DOMAIN } from '../../support/wire.js';
import type { Attack, Result } from '../attack.js';
import { Attempt } from '../attempt.js';
import type { Special } from '../special.js';

const NO_SCRIPT: Attack = { row: '', name: '', script: () => [], ends: [] };
/** Real milliseconds: of bounds that are to be reached, and of patience. */
const SHORT = 250;
const PATIENCE = 30_000;

/** Connects in real time, over a transport that gets nowhere. */
async function attempt(transport: Transport, timeouts = {}): Promise<Result> {
  let made!: Attempt;
  await new Promise<void>((done) => {
    const timer = setTimeout(done, PATIENCE);
    made = new Attempt(NO_SCRIPT, { transport, timeouts }, () => {
      clearTimeout(timer);
      setImmediate(done);
    });
  });
  made.release();
  return made.result(scriptedTransport([]), undefined);
}

const XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0';
const REL = 'urn:xmpp:alt-connections:websocket';
const json = (...hrefs: string[]) => JSON.stringify({ links: hrefs.map((href) => ({ rel: REL, href })) });
const xrd = (href: string, before = '') => `${before}<XRD xmlns='${XRD}'><Link rel='${REL}' href='${href}'/></XRD>`;

async function* endless(text: string): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield Buffer.from(text);
    await new Promise((done) => setImmediate(done));
  }
}
async function* slow(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{');
  await new Promise(() => undefined);
}

const NOT_FOUND = 'transport discovery-failed (resolve)';
const META: readonly [string, Readonly<Record<string, FakeAnswer>>, string][] = [
  ['names an address in clear', { 'host-meta.json': { body: json(`ws://${DOMAIN}/ws`) } }, NOT_FOUND],
  ['names an address in clear on this machine', { 'host-meta.json': { body: json('ws://localhost/ws') } }, NOT_FOUND],
  [
    'names addresses that are none',
    { 'host-meta.json': { body: json('wss://', 'javascript:x', 'https://x/', '//x/') } },
    NOT_FOUND,
  ],
  ['sends us elsewhere', { 'host-meta.json': { status: 302 }, 'host-meta': { status: 301 } }, NOT_FOUND],
  [
    'rejects redirects as fetch does',
    {
      'host-meta.json': { error: new TypeError('fetch failed') },
      'host-meta': { error: new TypeError('fetch failed') },
    },
    NOT_FOUND,
  ],
  [
    'has no end',
    { 'host-meta.json': { body: endless('x'.repeat(8192)) }, 'host-meta': { body: endless('<'.repeat(8192)) } },
    NOT_FOUND,
  ],
  ['is larger than it may be', { 'host-meta.json': { body: `${json('wss://a/')}${' '.repeat(70_000)}` } }, NOT_FOUND],
  ['comes too slowly', { 'host-meta.json': { body: slow() } }, 'timeout timeout (resolve)'],
  ['does not come', { 'host-meta.json': { error: null } }, 'timeout timeout (resolve)'],
  ['has a DTD', { 'host-meta': { body: xrd('wss://a/', '<!DOCTYPE XRD>') } }, NOT_FOUND],
  ['has an entity', { 'host-meta': { body: xrd('wss://a/&lol;') } }, NOT_FOUND],
  ['nests JSON', { 'host-meta.json': { body: `${'['.repeat(30_000)}${']'.repeat(30_000)}` } }, NOT_FOUND],
  ['is no UTF-8', { 'host-meta.json': { body: Uint8Array.of(0xff, 0xfe, 0x7b) } }, NOT_FOUND],
  ['is null', { 'host-meta.json': { body: 'null' }, 'host-meta': { body: null } }, NOT_FOUND],
];

/** T6 */
const DISCOVERY: readonly Special[] = META.map(([what, answers, end]) => ({
  row: 'T6',
  name: `host-meta ${what}`,
  via: 'https',
  ends: [end],
  play: () => {
    const { WebSocketCtor, sockets } = fakeWebSockets();
    const { fetch } = fakeFetch(answers);
    return attempt(websocket({ fetch, WebSocketCtor }), { resolve: end === NOT_FOUND ? PATIENCE : SHORT }).then(
      (result) => ({ ...result, faults: [...result.faults, ...sockets.map(({ url }) => `dialled ${url}`)] }),
    );
  },
}));

const client = `_xmpp-client._tcp.${DOMAIN} SRV`;
const clients = `_xmpps-client._tcp.${DOMAIN} SRV`;
const ZONES: readonly [string, DnsZone, RegExp][] = [
  [
    'says that there is no service',
    { [client]: [{ target: '.', port: 0 }], [clients]: [{ target: '.', port: 0 }] },
    /^transport dns-not-offered \(resolve\)$/,
  ],
  ['has no records at all (NXDOMAIN)', {}, /^transport (dns-no-address|all-targets-failed) \((resolve|connect)\)$/],
  ['has no data', { [`${DOMAIN} A`]: [] }, /^transport (dns-no-address|all-targets-failed) \((resolve|connect)\)$/],
  ['fails (SERVFAIL)', { [client]: 'SERVFAIL', [clients]: 'SERVFAIL' }, /^transport dns-failure \(resolve\)$/],
  ['refuses (REFUSED)', { [client]: 'REFUSED', [clients]: 'REFUSED' }, /^transport dns-refused \(resolve\)$/],
  ['is silent', { [client]: 'silence', [clients]: 'silence' }, /^timeout timeout \(resolve\)$/],
  [
    'answers with garbage',
    { [client]: 'garbage', [clients]: 'garbage' },
    /^(timeout timeout|transport dns-failure) \(resolve\)$/,
  ],
  [
    'truncates its answer',
    { [client]: { truncated: [{ target: `gone.${DOMAIN}`, port: 5222 }] } },
    /^transport (dns-no-address|all-targets-failed) \((resolve|connect)\)$/,
  ],
  [
    'has a thousand records',
    {
      [client]: {
        truncated: Array.from({ length: 1_000 }, (_, index) => ({
          target: `h${index}.${DOMAIN}`,
          port: 5222,
          weight: 0,
        })),
      },
    },
    /^transport (dns-no-address|all-targets-failed) \((resolve|connect)\)$/,
  ],
  [
    'points to hosts without addresses',
    { [client]: [{ target: `a.${DOMAIN}`, port: 1 }] },
    /^transport (dns-no-address|all-targets-failed) \((resolve|connect)\)$/,
  ],
];

/** T7 */
const DNS: readonly Special[] = ZONES.map(([what, zone, end]) => ({
  row: 'T7',
  name: `the DNS ${what}`,
  via: 'udp',
  ends: [end],
  play: async () => {
    const dns = await dnsServer(zone);
    try {
      const silent = /timeout/.test(end.source);
      return await attempt(tcp({ resolver: nodeResolver({ servers: [dns.address] }) }), {
        resolve: silent ? SHORT : PATIENCE,
        connect: PATIENCE,
        deadline: PATIENCE,
      });
    } finally {
      await dns.close();
    }
  },
}));

/** X7: what a WebSocket may do that no script of frames can say. */
const SOCKETS: readonly Special[] = (
  [
    ['without the subprotocol', (socket) => socket.open(''), /^transport subprotocol-mismatch \(connect\)$/],
    ['with another subprotocol', (socket) => socket.open('chat'), /^transport subprotocol-mismatch \(connect\)$/],
    [
      'with a binary frame',
      (socket) => (socket.open(), socket.message(new ArrayBuffer(8))),
      /^(stream|transport) [a-z-]+ \(open\)$/,
    ],
    [
      'with a frame that is a Blob',
      (socket) => (socket.open(), socket.message(new Blob(['<open/>']))),
      /^(stream|transport) [a-z-]+ \(open\)$/,
    ],
    ['that closes before it opens', (socket) => socket.closed(1006), /^transport websocket-failed \(connect\)$/],
    ['that closes at once', (socket) => (socket.open(), socket.closed(1000)), /^transport connection-closed \(open\)$/],
    [
      'that closes with a code of its own',
      (socket) => (socket.open(), socket.closed(4999, 'go away')),
      /^transport [a-z-]+ \(open\)$/,
    ],
    ['that never opens', () => undefined, /^timeout timeout \(connect\)$/],
  ] as readonly [string, (socket: FakeWebSocket) => void, RegExp][]
).map(([what, act, end]) => ({
  row: 'X7',
  name: `a WebSocket ${what}`,
  via: 'frames',
  ends: [end],
  play: () => {
    const { WebSocketCtor } = fakeWebSockets((socket) => setImmediate(() => act(socket)));
    const timeouts = /timeout/.test(end.source) ? { target: SHORT } : {};
    return attempt(websocket({ url: `wss://${DOMAIN}/ws`, WebSocketCtor }), timeouts);
  },
}));

export const LOOK_UPS: readonly Special[] = [...DISCOVERY, ...DNS, ...SOCKETS];
