import { VirtualTimeScheduler } from 'rxjs';
import { xmppStream } from '../../../lib/client/xmpp-stream.js';
import { websocket } from '../../../lib/transport/websocket/websocket.js';
import type { TraceEvent } from '../../../lib/trace/lifecycle-event.js';
import { NS } from '../../../lib/xml/index.js';
import { fakeWebSockets, type FakeWebSocket } from '../../support/fake-web-socket.js';
import { watch } from '../../support/watch.js';
import { replayCrypto, tag, watchUnhandled } from '../../support/wire-run.js';
import { DOMAIN } from '../../support/wire.js';

const OPEN = `<open xmlns='${NS.framing}' id='1' from='${DOMAIN}' version='1.0'/>`;
const CLOSE = `<close xmlns='${NS.framing}'/>`;
const STREAM = `xmlns:stream='${NS.stream}'`;
const features = (content: string) => `<stream:features ${STREAM}>${content}</stream:features>`;
const MECHANISMS = features(`<mechanisms xmlns='${NS.sasl}'><mechanism>EXTERNAL</mechanism></mechanisms>`);
const BIND = features(`<bind xmlns='${NS.bind}'/>`);
const BOUND = `<iq xmlns='jabber:client' type='result' id='bind'><bind xmlns='${NS.bind}'><jid>alice@${DOMAIN}/desk</jid></bind></iq>`;

/** A server's frames, by what it hears. */
type Answers = readonly (readonly [heard: RegExp, ...frames: unknown[]])[];
const ONLINE: Answers = [
  [/^<open /, OPEN, MECHANISMS],
  [/^<auth /, `<success xmlns='${NS.sasl}'/>`],
  [/^<open /, OPEN, BIND],
  [/^<iq /, BOUND],
];

/** One attempt over WebSocket, each server by a table, in virtual time. */
function run(...servers: readonly Answers[]) {
  const scheduler = new VirtualTimeScheduler();
  const trace: TraceEvent[] = [];
  let connected = 0;
  const fakes = fakeWebSockets((socket: FakeWebSocket) => {
    const answers = [...(servers[connected++] ?? [])];
    scheduler.schedule(() => socket.open());
    socket.onSent = (text) => {
      if (!answers[0]?.[0].test(text)) return;
      for (const frame of answers.shift()!.slice(1)) scheduler.schedule(() => socket.message(frame));
    };
  });
  const attempt = watch(
    xmppStream({
      jid: `alice@${DOMAIN}`,
      credentials: { external: true },
      transport: websocket({ url: `wss://${DOMAIN}/ws`, WebSocketCtor: fakes.WebSocketCtor }),
      scheduler,
      crypto: replayCrypto,
      random: () => 0.5,
      keepAlive: false,
      streamManagement: false,
      trace: (event) => trace.push(event),
    }),
  );
  scheduler.maxFrames = 1;
  scheduler.flush();
  const pending = () => scheduler.actions.filter(({ closed }) => !closed).length;
  return { attempt, trace, pending, scheduler, sockets: fakes.sockets, socket: fakes.sockets[0]! };
}

describe('XMPP over WebSocket (RFC 7395)', () => {
  watchUnhandled();

  it('goes online, each element a frame of its own with its own namespace', () => {
    const { attempt, socket } = run(ONLINE);
    expect(attempt.log).toEqual(['next']);
    expect(socket.sent).toEqual([
      expect.stringMatching(/^<open [^<]*xmlns='urn:ietf:params:xml:ns:xmpp-framing'[^<]*\/>$/),
      expect.stringMatching(/^<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/),
      expect.stringMatching(/^<open /),
      expect.stringMatching(/^<iq .*xmlns='jabber:client'/),
    ]);
    // RFC 7395 section 3.3: no declaration, no <stream:stream>, nothing before or after.
    for (const frame of socket.sent) expect(frame).toMatch(/^<[a-z].*>$/);
    expect(socket.sent[0]).toContain(`to='${DOMAIN}'`);
  });

  it('closes with <close/> and then the socket, and the server the same', () => {
    const { attempt, socket, scheduler } = run(ONLINE);
    watch(attempt.values[0]!.close());
    expect([socket.sent.at(-1), socket.closes]).toEqual([CLOSE, []]);
    socket.message(CLOSE);
    scheduler.flush();
    expect([attempt.log, socket.closes]).toEqual([['next', 'complete'], [1000]]);
  });

  it('writes <close/> when let go', () => {
    const { attempt, socket } = run(ONLINE);
    attempt.unsubscribe();
    expect([socket.sent.at(-1), socket.closes]).toEqual([CLOSE, [1000]]);
  });

  it('knows the server gone when it closes the stream', () => {
    const { attempt, socket } = run(ONLINE);
    socket.message(CLOSE);
    expect(tag(attempt.error)).toBe('stream stream-closed (online) local');
    expect([socket.sent.at(-1), socket.closes]).toEqual([CLOSE, [1000]]);
  });

  it('takes features without a namespace for stanzas of their own (ejabberd)', () => {
    expect(run([[/^<open /, OPEN, MECHANISMS.replace(' xmlns:', `\nxmlns:`)], ...ONLINE.slice(1)]).attempt.log).toEqual(
      ['next'],
    );
  });

  const message = `<message xmlns='jabber:client'><body>hi</body></message>`;
  const faults: [title: string, frame: unknown, expected?: string][] = [
    ['two elements in a frame', message + message],
    ['half an element', message.slice(0, -5)],
    ['the other half', '</message>', 'not-well-formed'],
    ['a header within <stream:stream>', `<stream:stream ${STREAM} xmlns='jabber:client' version='1.0'>`],
    ['a footer of RFC 6120', '</stream:stream>', 'not-well-formed'],
    ['a second <open/>', OPEN],
    ['white space', ' '],
    ['an empty frame', ''],
    ['text', 'hi'],
    ['an XML declaration', `<?xml version='1.0'?>${message}`, 'restricted-xml'],
    ['a comment', '<!-- -->', 'restricted-xml'],
    ['a DTD', '<!DOCTYPE a><a/>', 'restricted-xml'],
    ['a lone surrogate', '<a>\ud800</a>', 'unsupported-encoding'],
    ['a binary frame', new ArrayBuffer(4)],
    ['a binary frame of good XML', new TextEncoder().encode(message)],
    ['another element of the framing', `<ping xmlns='${NS.framing}'/>`],
    ['too much', `<a>${'x'.repeat(2_000_000)}</a>`, 'policy-violation'],
  ];

  describe.each([
    ['in place of the header', 0, 'open'],
    ['in place of the features', 1, 'features'],
    ['in the SASL exchange', 2, 'sasl'],
    ['after the restart', 3, 'open'],
    ['in the bind', 4, 'bind'],
    ['when online', 5, 'online'],
  ] as const)('meets %s', (_, step, phase) => {
    it.each(faults)('%s', (title, frame, condition = 'bad-format') => {
      const before = ONLINE.slice(0, [0, 0, 1, 2, 3, 3][step]);
      const last: Answers[number][] = [
        [/^<open /, frame],
        [/^<open /, OPEN, frame],
        [/^<auth /, frame],
        [/^<open /, frame],
        [/^<iq /, frame],
        [/^<iq /, BOUND, frame, message],
      ];
      // An <open/> is welcome where none came yet.
      if (title === 'a second <open/>' && (step === 0 || step === 3)) return;
      const { attempt, socket, pending, trace } = run([...before, last[step]!]);
      expect(tag(attempt.error)).toBe(`stream ${condition} (${phase}) local`);
      expect(attempt.values).toHaveLength(step === 5 ? 1 : 0);
      expect([socket.closes, pending()]).toEqual([[1000], 0]);
      expect(trace.at(-1)!.type).toBe('failed');
      // What we answer is a frame each: the error, and <close/>.
      const told = socket.sent.slice(-2);
      for (const sent of told) expect(sent).toMatch(/^<([a-z:]+)[ >].*(<\/\1|\/)>$/s);
      if (typeof frame === 'string') {
        expect(told).toEqual([expect.stringMatching(`^<stream:error ${STREAM}><${condition} `), CLOSE]);
      }
    });
  });

  describe('is sent elsewhere by <close see-other-uri/>', () => {
    const elsewhere = (uri: string) => `<close xmlns='${NS.framing}' see-other-uri='${uri}'/>`;
    const otherHost = (to: string) =>
      `<stream:error ${STREAM}><see-other-host xmlns='${NS.streams}'>${to}</see-other-host></stream:error>`;

    it.each([
      ['while negotiating', elsewhere('wss://b.example.org/ws')],
      ['by a stream error', otherHost('wss://b.example.org/ws')],
    ])('%s', (_, frame) => {
      const { attempt, sockets, trace } = run([[/^<open /, OPEN, frame]], ONLINE);
      expect(sockets.map(({ url }) => url)).toEqual([`wss://${DOMAIN}/ws`, 'wss://b.example.org/ws']);
      expect(sockets[0]!.closes).toEqual([1000]);
      // The identity stays that of the domain.
      expect(sockets[1]!.sent[0]).toContain(`to='${DOMAIN}'`);
      expect(attempt.log).toEqual(['next']);
      expect(trace.filter(({ type }) => type === 'redirected')).toMatchObject([{ to: 'wss://b.example.org/ws' }]);
    });

    it.each([
      'ws://b.example.org/ws',
      'ws://localhost/ws',
      'ws://127.0.0.1:5280/',
      'http://b.example.org/ws',
      'https://b.example.org/ws',
      'javascript:alert(1)',
      'b.example.org:5222',
      '',
    ])('and never goes to %p', (uri) => {
      for (const frame of [elsewhere(uri), otherHost(uri)]) {
        const { attempt, sockets, pending } = run([[/^<open /, OPEN, frame]], ONLINE, ONLINE);
        expect(sockets).toHaveLength(1);
        expect(tag(attempt.error)).toBe('stream see-other-host (features) remote');
        expect(attempt.error).toMatchObject({ location: undefined });
        expect([sockets[0]!.closes, pending()]).toEqual([[1000], 0]);
      }
    });

    it('five times at most', () => {
      const round: Answers = [[/^<open /, OPEN, elsewhere('wss://b.example.org/ws')]];
      const { attempt, sockets } = run(round, round, round, round, round, round, ONLINE);
      expect(sockets).toHaveLength(6);
      expect(tag(attempt.error)).toBe('stream see-other-host (features) remote');
    });
  });
});
