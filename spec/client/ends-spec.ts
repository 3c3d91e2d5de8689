import { NEVER, Subject } from 'rxjs';
import { StreamError, TlsError, TransportError } from '../../lib/errors/index.js';
import { cut, end, reply, startTls, type Script, type ScriptStep } from '../../lib/testing.js';
import { tcp } from '../../lib/transport/node/index.js';
import { FOOTER, hearsStreamError, serverHeader, streamError, turns, upTo } from '../support/wire.js';
import { replay, tag, watchUnhandled, WireRun } from '../support/wire-run.js';

/** Where a server may speak on a stream: everywhere but in the midst of the handshake. */
const TURNS = turns()
  .filter(({ name }) => name !== 'handshake')
  .map(({ name, phase }) => ({ name, phase }));

/** Before its header came, a server has no stream to say anything on. */
const IN_STREAM = TURNS.filter(({ name }) => !name.startsWith('header'));

const STRIDE = 97;

/** At this turn the server does something else. */
const at = (name: string, ...instead: ScriptStep[]): Script => [upTo(name), ...instead];

/** @param farewell What the client says last, where that is said for sure. */
function expectEnd(script: () => Script, outcome: string, farewell = ''): void {
  replay(
    script,
    {},
    (run) => {
      expect(run.outcome).toBe(outcome);
      expect(run.told.slice(-2)).toEqual(['failed', 'error']);
      expect(run.sent.endsWith(`>${farewell}`) || farewell === '').toBe(true);
    },
    { stride: STRIDE },
  );
}

describe('D3: an end during the look-up is told exactly once', () => {
  watchUnhandled();

  function lookingUp(timeouts = {}) {
    const srv$ = new Subject<never>();
    const transport = tcp({ resolver: { srv: () => srv$, addresses: () => NEVER } });
    const run = new WireRun([], { options: { transport, timeouts } }).flush(49);
    expect([run.outcome, run.events, srv$.observed]).toEqual(['pending', 'resolving', true]);
    return { run, srv$ };
  }

  it('given up', () => {
    const { run, srv$ } = lookingUp();
    run.unsubscribe().check();
    expect(run.terminal).toMatchObject([{ type: 'cancelled', phase: 'resolve' }]);
    expect(srv$.observed).toBe(false);
  });

  it.each([
    ['its own bound', { resolve: 50 }, 'timeout timeout (resolve)'],
    ['the deadline', { deadline: 50 }, 'timeout deadline (resolve)'],
  ])('overdue: %s', (_name, timeouts, outcome) => {
    const { run, srv$ } = lookingUp(timeouts);
    run.flush(50).check();
    expect([run.outcome, run.told]).toEqual([outcome, ['resolving', 'failed', 'error']]);
    expect(run.terminal).toMatchObject([{ type: 'failed', phase: 'resolve', error: { due: 50, retryable: true } }]);
    expect(srv$.observed).toBe(false);
  });

  it('failed', () => {
    const { run, srv$ } = lookingUp();
    srv$.error(new TransportError({ condition: 'dns-failure' }));
    run.check();
    expect([run.outcome, run.told]).toEqual(['transport dns-failure (resolve)', ['resolving', 'failed', 'error']]);
  });
});

describe('an attempt ends with what ended it', () => {
  watchUnhandled();

  describe.each(TURNS)('in place of: $name', ({ name, phase }) => {
    it('the server ends the connection', () => {
      expectEnd(() => at(name, end()), `transport connection-closed (${phase})`);
    });

    it('the connection is reset', () => {
      expectEnd(() => at(name, cut()), `transport connection-reset (${phase})`);
    });

    it('the connection fails with a typed error', () => {
      const error = new TransportError({ condition: 'write-failed' });
      const run = new WireRun(at(name, cut(error))).flush(0).check();
      expect(run.error).toBe(error);
      expect(tag(run.error)).toBe(`transport write-failed (${phase})`);
    });

    it('bytes that are no XML', () => {
      expectEnd(
        () => at(name, reply('</nothing>'), hearsStreamError('not-well-formed')),
        `stream not-well-formed (${phase}) local`,
        FOOTER,
      );
    });
  });

  describe.each(IN_STREAM)('in place of: $name', ({ name, phase }) => {
    it('the footer', () => {
      expectEnd(() => at(name, reply(FOOTER)), `stream stream-closed (${phase}) local`, FOOTER);
    });

    it('the footer and the end in one', () => {
      expectEnd(() => at(name, reply(FOOTER), end()), `stream stream-closed (${phase}) local`);
    });

    it.each(['policy-violation', 'conflict', 'system-shutdown'])('stream error %s', (condition) => {
      expectEnd(
        () => at(name, reply(streamError(condition) + FOOTER), end()),
        `stream ${condition} (${phase}) remote`,
        FOOTER,
      );
    });

    it('a stream error, and the connection is reset', () => {
      expectEnd(() => at(name, reply(streamError('host-gone')), cut()), `stream host-gone (${phase}) remote`);
    });
  });

  describe('stream errors', () => {
    const details = `<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'> come back later </text><more xmlns='urn:example'/>`;
    const said: [string, string, Partial<StreamError>][] = [
      ['a condition', streamError('reset'), { condition: 'reset', retryable: true }],
      ['one that is final', streamError('not-authorized'), { condition: 'not-authorized', retryable: false }],
      ['one of its own', streamError('no-such-condition'), { condition: 'no-such-condition', retryable: false }],
      ['none at all', '<stream:error/>', { condition: 'undefined-condition', retryable: true }],
      [
        'text and an application condition',
        `<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>${details}</stream:error>`,
        {
          condition: 'system-shutdown',
          retryable: true,
          text: 'the server ended the stream and said: come back later {urn:example}more',
        },
      ],
      [
        'text before the condition',
        `<stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>bye</text><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
        { condition: 'reset', text: 'the server ended the stream and said: bye' },
      ],
    ];
    it.each(said)('%s', (_name, error, expected) => {
      const run = new WireRun(at('features', reply(error + FOOTER))).flush(0).check();
      expect(run.error).toBeInstanceOf(StreamError);
      expect(run.error).toMatchObject({ origin: 'remote', phase: 'features', ...expected });
    });

    it('is told even where the connection goes with it, and stanzas before it are not lost', () => {
      const bodies: (string | undefined)[] = [];
      const run = new WireRun(
        [
          upTo('legacy session'),
          reply(`<iq type='result' id='session'/><message><body>last</body></message>${streamError('conflict')}`),
          cut(),
        ],
        { use: (session) => session.message$.subscribe((message) => bodies.push(message.child('body')?.text())) },
      ).flush(0);
      expect([run.outcome, bodies]).toEqual(['stream conflict (online) remote', ['last']]);
      run.check();
    });

    it('a stream error of another namespace is none', () => {
      const run = new WireRun(
        at('features', reply(`<error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>`)),
      );
      run.flush(0).check();
      expect(run.outcome).toBe('stream invalid-xml (features) local');
    });
  });

  describe('in the midst of the handshake', () => {
    it.each([
      new TlsError({ condition: 'untrusted-certificate' }),
      new TlsError({ condition: 'wrong-identity' }),
      new TransportError({ condition: 'connection-reset' }),
    ])('%s', (error) => {
      const run = new WireRun(at('handshake', startTls({ error }))).flush(0).check();
      expect(run.error).toBe(error);
      expect(error.phase).toBe('tls');
      // Nothing more was said in clear, not even goodbye.
      expect(run.sent.endsWith(`xmpp-tls'/>`)).toBe(true);
    });

    it('the connection is cut', () => {
      const run = new WireRun(at('handshake', cut())).flush(0).check();
      expect(run.outcome).toBe('transport connection-reset (tls)');
    });
  });

  it.each([
    [new TransportError({ condition: 'connection-refused' }), 'transport connection-refused (connect)'],
    [new TransportError({ condition: 'dns-failure', phase: 'resolve' }), 'transport dns-failure (resolve)'],
    [new TlsError({ condition: 'wrong-identity', phase: 'tls' }), 'tls wrong-identity (tls)'],
  ])('the transport fails: %s', (refuse, outcome) => {
    const run = new WireRun([], { transport: { refuse } }).flush(0).check();
    expect([run.outcome, run.told]).toEqual([outcome, ['failed', 'error']]);
  });

  it('a transport that throws is one that fails', () => {
    const connect = () => {
      throw new TransportError({ condition: 'connection-failed' });
    };
    const run = new WireRun([], { options: { transport: { name: 'throws', connect } } });
    expect(run.outcome).toBe('transport connection-failed (connect)');
    run.check();
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'not-well-formed'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'not-well-formed'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x16', 'not-well-formed'],
    ['HTML', '<html>', 'bad-format'],
    ['HTML with a DTD', '<!DOCTYPE html>', 'restricted-xml'],
    ['SMTP', '220 mail.example.org ESMTP\r\n', 'not-well-formed'],
  ])('a server that is no XMPP server but one for %s: phase open, at its first bytes', (_name, answer, condition) => {
    expectEnd(
      () => at('header', reply(answer), hearsStreamError(condition)),
      `stream ${condition} (open) local`,
      FOOTER,
    );
  });

  it('a header in place of what was due is no way to begin anew (X4)', () => {
    expectEnd(
      () => at('challenge', reply(serverHeader().replace(/^<[?].*?[?]>/, '')), hearsStreamError('bad-format')),
      'stream bad-format (sasl) local',
      FOOTER,
    );
  });
});
