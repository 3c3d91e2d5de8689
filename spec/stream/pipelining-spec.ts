import { map } from 'rxjs';
import { pipelining } from '../../lib/stream/pipelining.js';
import type { Outcome, StreamFeature } from '../../lib/stream/stream-feature.js';
import { after, cut, expects, mute, reply, run as task, startTls, type Script } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { ClientRun, ENABLE, ENABLED, RESUME, RESUMED, SM, type ClientInit } from '../support/client-run.js';
import { replay, watchUnhandled, WireRun, type WireInit } from '../support/wire-run.js';
import {
  auth,
  BIND,
  bindResult,
  clientHeader,
  features,
  FOOTER,
  hearsBind,
  iqError,
  mechanisms,
  opens,
  PASSWORD,
  PROCEED,
  saslFailure,
  scram,
  scramExchange,
  secures,
  serverHeader,
  STARTTLS,
  streamError,
} from '../support/wire.js';

const SCRAM = mechanisms('SCRAM-SHA-1', 'SCRAM-SHA-256');
const CHANNEL_BINDING = `<sasl-channel-binding xmlns='${NS.channelBinding}'><channel-binding type='tls-exporter'/></sasl-channel-binding>`;
const secure = { secure: true };
const header = (id: string) => serverHeader({ id });

// What a server hears before it says anything: these turns are red where the client waits for an answer.

/** Header and `<starttls/>` in one flight. */
const securesAhead = (answer = PROCEED): Script => [
  expects(clientHeader()),
  expects(STARTTLS),
  reply(header('s1') + features(STARTTLS) + answer),
  startTls(),
];
/** The first time: the mechanisms are not known before. */
const authenticates = (): Script => [opens(features(SCRAM), secure), scram('SHA-256')];
/** Again: header and `<auth/>` in one flight. */
const authenticatesAhead = (offer = SCRAM): Script => {
  const { hearsAuth, hearsProof, succeeds } = scramExchange('SHA-256');
  return [
    expects(clientHeader(secure)),
    hearsAuth,
    reply(({ first }) => `${header('s2')}${features(offer)}<challenge xmlns='${NS.sasl}'>${btoa(first!)}</challenge>`),
    hearsProof,
    succeeds(),
  ];
};
/** Header and bind in one flight. */
const bindsAhead = (answer = bindResult()): Script => [
  expects(clientHeader(secure)),
  hearsBind(),
  reply(header('s3') + features(BIND) + answer),
];
const first = (): Script => [securesAhead(), authenticates(), bindsAhead()];
const again = (): Script => [securesAhead(), authenticatesAhead(), bindsAhead()];
/** A session that is lost after a while. */
const lost = (session: Script): Script => [...session, after(100), cut()];
const hearsAuth = () => scramExchange('SHA-256').hearsAuth;
/** As RFC 6120 has it. */
const plain = (): Script => [
  secures(),
  authenticates(),
  opens(features(BIND), secure),
  hearsBind(),
  reply(bindResult()),
];

const init: WireInit = { options: { pipelining } };
const client = (scripts: readonly Script[], more: ClientInit = {}) =>
  new ClientRun(scripts, {
    ...more,
    transport: { tls: false, ...more.transport },
    options: { credentials: { password: PASSWORD }, streamManagement: false, pipelining, ...more.options },
  }).connect();

/** Who spoke in turn on the last connection: `>` for each piece of ours, `<` for the server's. */
const turnsOf = ({ transport: { log } }: ClientRun) => {
  const inClear = log.map(({ direction, text }) => direction === 'out' && /<stream:stream(?!.* from=)/.test(text));
  const begins = inClear.lastIndexOf(true);
  return log
    .slice(begins)
    .map(({ direction }) => (direction === 'out' ? '>' : '<'))
    .join('');
};

describe('pipelining', () => {
  watchUnhandled();

  describe('what it sends ahead', () => {
    it('is <starttls/> and bind, with the header before them; split at every octet', () => {
      const script = (): Script => [
        ...[securesAhead(), opens(features(mechanisms('EXTERNAL')), secure), auth('EXTERNAL', ''), bindsAhead()],
      ];
      const external: WireInit = { options: { pipelining, credentials: { external: true } } };
      replay(script, external, (run) => {
        expect(run.outcome).toBe('online');
        run.transport.verify();
      });
    });

    it('is the first message of SCRAM too, once it has authenticated', () => {
      for (const split of ['whole', 'every-byte'] as const) {
        const run = client([lost(first()), again()], { transport: { split } }).flush(5_000);
        run.transport.verify();
        expect([run.kinds.split(' ').at(-1), run.sessions.length]).toEqual(['online', 2]);
      }
    });

    it('is a resumption, in place of bind', () => {
      const managed: Script = [
        ...[securesAhead(), authenticates(), expects(clientHeader(secure)), hearsBind()],
        ...[
          reply(header('s3') + features(BIND, SM) + bindResult()),
          expects(ENABLE),
          reply(ENABLED),
          after(100),
          cut(),
        ],
      ];
      const resumed: Script = [
        ...[securesAhead(), authenticatesAhead(), expects(clientHeader(secure)), expects(RESUME(0))],
        reply(header('s3') + features(BIND, SM) + RESUMED(0)),
      ];
      const run = client([managed, resumed], { options: { streamManagement: {} } }).flush(5_000);
      run.transport.verify();
      expect(run.status).toMatchObject({ kind: 'online', resumed: true });
    });

    it('needs no server that expects it', () => {
      replay(plain, init, (run) => expect(run.outcome).toBe('online'), { stride: 29 });
    });
  });

  describe('what it does not send ahead', () => {
    it('is anything that authenticates, the first time or in clear', () => {
      const run = client([first()]).flush(100);
      const [inClear] = run.transport.sent.split(STARTTLS);
      expect(inClear).not.toContain('<auth');
      // Header and <starttls/>, handshake, header, <auth/>, <response/>, header and bind: seven round trips with TCP's own.
      expect(turnsOf(run)).toBe('><><><><><');
      run.transport.verify();
    });

    it('is a password: PLAIN waits for the features', () => {
      const options = { credentials: { password: PASSWORD, allowPlain: true } };
      const login = (): Script => [
        ...[securesAhead(), expects(clientHeader(secure)), task(() => sent.push(run.transport.sent))],
        ...[reply(header('s2') + features(mechanisms('PLAIN'))), auth('PLAIN', `\0alice\0${PASSWORD}`), bindsAhead()],
      ];
      const sent: string[] = [];
      const run = client([lost(login()), login()], { options });
      run.flush(5_000);
      run.transport.verify();
      expect(run.sessions).toHaveLength(2);
      // When the server had heard the header, and nothing else was to come before its features.
      expect(sent.map((text) => text.split('<auth').length - 1)).toEqual([0, 1]);
    });

    it('is bind, where a feature of somebody else may come before it', () => {
      const mine: StreamFeature = {
        name: 'mine',
        xmlns: 'urn:mine',
        parse: (advertised, _stream, { agreed }) => (agreed.authenticated && !agreed.jid ? advertised : undefined),
        negotiate: (stream) => {
          stream.send(xml('mine', { xmlns: 'urn:mine' }));
          return stream.next$.pipe(map((): Outcome => ({ kind: 'next' })));
        },
      };
      const script: Script = [
        ...[securesAhead(), authenticates(), opens(features(BIND, `<mine xmlns='urn:mine'/>`), secure)],
        ...[expects(`<mine xmlns='urn:mine'/>`), reply(`<yours xmlns='urn:mine'/>`), hearsBind(), reply(bindResult())],
      ];
      const run = client([script], { options: { features: [mine] } }).flush(100);
      run.transport.verify();
      expect(run.status.kind).toBe('online');
    });
  });

  describe('a server that does not take it', () => {
    const DIFFERENT = mechanisms('SCRAM-SHA-1');
    const cases: Record<string, { readonly before?: Script; readonly dislikes: Script; readonly after?: number }> = {
      'refuses <starttls/> before its features': {
        dislikes: [
          ...[expects(clientHeader()), expects(STARTTLS)],
          ...[reply(header('s1') + features(STARTTLS) + streamError('policy-violation') + FOOTER), mute()],
        ],
      },
      'closes at <starttls/>': {
        dislikes: [expects(clientHeader()), reply(header('s1') + features(STARTTLS)), expects(STARTTLS), cut()],
      },
      'passes over <starttls/>': {
        dislikes: [expects(clientHeader()), expects(STARTTLS), reply(header('s1') + features(STARTTLS)), mute()],
        after: 10_000,
      },
      'refuses bind before its features': {
        dislikes: [
          ...[securesAhead(), authenticates(), expects(clientHeader(secure)), hearsBind()],
          ...[reply(header('s3') + features(BIND) + streamError('not-authorized') + FOOTER), mute()],
        ],
      },
      'offers other mechanisms than the last time': {
        before: lost(first()),
        dislikes: [
          securesAhead(),
          expects(clientHeader(secure)),
          hearsAuth(),
          reply(header('s2') + features(DIFFERENT)),
          mute(),
        ],
      },
      'offers channel binding, which it did not': {
        before: lost(first()),
        dislikes: [
          ...[securesAhead(), expects(clientHeader(secure)), hearsAuth()],
          ...[reply(header('s2') + features(SCRAM, CHANNEL_BINDING)), mute()],
        ],
      },
      'refuses <auth/> before its features': {
        before: lost(first()),
        dislikes: [
          ...[securesAhead(), expects(clientHeader(secure)), hearsAuth()],
          ...[reply(header('s2') + features(SCRAM) + streamError('unsupported-stanza-type') + FOOTER), mute()],
        ],
      },
    };
    for (const [name, { before, dislikes, after: due = 0 }] of Object.entries(cases)) {
      it(`${name}: the attempt begins again, once, as RFC 6120 has it`, () => {
        const run = client([...(before ? [before] : []), dislikes, plain()]);
        run.flush(5_000 + due);
        run.transport.verify();
        expect(run.status).toMatchObject({ kind: 'online', attempt: before ? 2 : 1 });
        // Of the last connection: header, features, <starttls/>, <proceed/>.
        expect(turnsOf(run)).toMatch(/^><+><+>/);
      });
    }

    it('and fails again is not asked a third time', () => {
      const dislikes = (): Script => [
        ...[expects(clientHeader()), reply(header('s1') + features(STARTTLS)), expects(STARTTLS)],
        ...[reply(streamError('policy-violation') + FOOTER), mute()],
      ];
      const run = client([dislikes(), dislikes()]).flush(5_000);
      expect([run.transport.connections, run.status]).toMatchObject([
        2,
        { kind: 'offline', error: { condition: 'policy-violation', phase: 'starttls' } },
      ]);
    });

    it('three times is asked no more', () => {
      const dislikes = (): Script => [
        ...[expects(clientHeader()), expects(STARTTLS)],
        ...[reply(header('s1') + features(STARTTLS) + streamError('policy-violation') + FOOTER), mute()],
      ];
      const rounds = [0, 1, 2].flatMap(() => [dislikes(), lost(plain())]);
      const run = client([...rounds, plain()]).flush(60_000);
      run.transport.verify();
      expect([run.sessions.length, run.transport.connections]).toEqual([4, 7]);
    });
  });

  describe('a refusal that has nothing to do with it', () => {
    it('of the credentials is final', () => {
      const refused: Script = [
        ...[securesAhead(), expects(clientHeader(secure)), hearsAuth()],
        ...[reply(header('s2') + features(SCRAM) + saslFailure('not-authorized')), mute()],
      ];
      const run = client([lost(first()), refused]).flush(5_000);
      expect([run.transport.connections, run.status]).toMatchObject([
        2,
        { kind: 'offline', error: { layer: 'sasl', condition: 'not-authorized' } },
      ]);
    });

    it('of the resource is final', () => {
      const run = client([
        [securesAhead(), authenticates(), bindsAhead(iqError('{bind}', 'not-allowed')), mute()],
      ]).flush(5_000);
      expect([run.transport.connections, run.status]).toMatchObject([
        1,
        { kind: 'offline', error: { layer: 'stanza', condition: 'not-allowed', phase: 'bind' } },
      ]);
    });

    it('is silence before its features: nobody is dialled twice at once', () => {
      const run = new WireRun([expects(clientHeader()), expects(STARTTLS), mute()], init).flush();
      expect([run.outcome, run.transport.connections]).toEqual(['timeout timeout (open)', 1]);
      run.check();
    });
  });

  it('T1: without STARTTLS nothing but header and <starttls/> is sent', () => {
    const without = (): Script => [
      ...[expects(clientHeader()), reply(header('s1') + features(SCRAM)), expects(STARTTLS)],
      ...[reply(streamError('unsupported-stanza-type') + FOOTER), mute()],
    ];
    const run = new WireRun({ scripts: [without(), without()] }, init).flush().check();
    expect(run.outcome).toBe('tls tls-unavailable (starttls)');
    expect(run.sent).not.toMatch(/<(?!\?xml|stream:stream|\/stream:stream|starttls)/);
  });

  it('T2: octets behind <proceed/> are fatal', () => {
    const answer = `${header('s1')}${features(STARTTLS)}${PROCEED}<x/>`;
    const run = new WireRun([expects(clientHeader()), expects(STARTTLS), reply(answer), mute()], init).flush().check();
    expect([run.outcome, run.transport.connections]).toEqual(['tls data-after-proceed (starttls)', 1]);
  });

  it('T9: silence in a phase is told with its name', () => {
    const silences: Record<string, Script> = {
      open: [expects(clientHeader()), expects(STARTTLS), mute()],
      features: [securesAhead(), expects(clientHeader(secure)), reply(header('s2')), mute()],
      sasl: [securesAhead(), opens(features(SCRAM), secure), hearsAuth(), mute()],
    };
    for (const [phase, script] of Object.entries(silences)) {
      expect(new WireRun(script, init).flush().check().outcome).toBe(`timeout timeout (${phase})`);
    }
  });
});
