import type { XmppOptions } from '../../../lib/client/options.js';
import { StanzaError, StreamError } from '../../../lib/errors/index.js';
import { expects, mute, reply, type Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import {
  ACCOUNT,
  auth,
  BIND,
  binds,
  bindResult,
  BOUND,
  DOMAIN,
  establishes,
  features,
  FOOTER,
  hearsBind,
  iqError,
  LEGACY_SESSION,
  mechanisms,
  message,
  opens,
  OPTIONAL_SESSION,
} from '../../support/wire.js';
import { replay, watchUnhandled, WireRun, type WireInit } from '../../support/wire-run.js';

const external: Partial<XmppOptions> = { credentials: { external: true } };

/** Authenticated over direct TLS, and these features are on offer. */
const offering = (offer: readonly string[], ...then: Script): Script => [
  opens(features(mechanisms('EXTERNAL')), { secure: true }),
  auth('EXTERNAL', ''),
  opens(features(...offer), { secure: true }),
  then,
];

const init = (options: Partial<XmppOptions> = {}): WireInit => ({
  options: { ...external, ...options },
  transport: { tls: true },
});

const check = (script: () => Script, verdict: (run: WireRun) => void, options?: Partial<XmppOptions>) =>
  replay(script, init(options), verdict, { stride: 31 });

describe('bind', () => {
  watchUnhandled();

  describe('the JID is the one that the server tells', () => {
    it.each([
      ['as it was asked for', 'desk', undefined, 'desk', BOUND],
      ['of the JID in the options', undefined, `${ACCOUNT}/desk`, 'desk', BOUND],
      ['which overrides that of the JID', 'sofa', `${ACCOUNT}/desk`, 'sofa', `${ACCOUNT}/sofa`],
      ['another one than was asked for', 'desk', undefined, 'desk', `${ACCOUNT}/desk-2`],
      ['of its choice', undefined, undefined, undefined, `${ACCOUNT}/6f2a`],
      ['at another account, even', undefined, undefined, undefined, `bob@example.net/x`],
      ['without an account', undefined, undefined, undefined, `example.org/x`],
    ] as const)('%s', (_name, resource, jid, asked, told) => {
      check(
        () => offering([BIND], hearsBind(asked), reply(bindResult(told))),
        (run) => {
          expect(run.outcome).toBe('online');
          expect(run.session.jid.toString()).toBe(told);
          expect(run.trace.slice(-3)).toMatchObject([
            { type: 'binding' },
            { type: 'bound', jid: told },
            { type: 'online', jid: told },
          ]);
          run.transport.verify();
        },
        { resource, ...(jid && { jid }) },
      );
    });

    it('which is escaped', () => {
      const asked = `<iq type='set' id='{bind}'><bind xmlns='${NS.bind}'><resource>a&lt;b&amp;c</resource></bind></iq>`;
      check(
        () => offering([BIND], expects(asked), reply(bindResult())),
        (run) => expect(run.outcome).toBe('online'),
        { resource: 'a<b&c' },
      );
    });
  });

  describe('the server refuses', () => {
    it.each([
      ['conflict', 'cancel', false],
      ['conflict', 'modify', false],
      ['not-allowed', 'cancel', false],
      ['bad-request', 'modify', false],
      ['resource-constraint', 'wait', true],
      ['x-own', 'cancel', false],
    ])('D9: %s (%s) is told once, and not asked again', (condition, type, retryable) => {
      check(
        () => offering([BIND], hearsBind('desk'), reply(iqError('{bind}', condition, type))),
        (run) => {
          expect(run.error).toBeInstanceOf(StanzaError);
          expect(run.error).toMatchObject({ condition, type, phase: 'bind', retryable });
          expect(run.sent.split('<bind ')).toHaveLength(2);
          expect(run.sent.endsWith(`</iq>${FOOTER}`)).toBe(true);
        },
        { resource: 'desk' },
      );
    });

    it('with all that an error can say', () => {
      const error =
        `<iq type='error' id='bind' from='${DOMAIN}'><bind xmlns='${NS.bind}'/><error type='wait' by='node.${DOMAIN}'>` +
        `<text xmlns='${NS.stanzas}'> too many </text><resource-constraint xmlns='${NS.stanzas}'/><limit xmlns='urn:example'/></error></iq>`;
      const run = new WireRun(offering([BIND], hearsBind(), reply(error)), init()).flush(0).check();
      expect(run.error).toMatchObject({
        condition: 'resource-constraint',
        type: 'wait',
        by: `node.${DOMAIN}`,
        text: 'too many',
        application: '{urn:example}limit',
      });
    });

    it.each([
      ['no error element', `<iq type='error' id='bind'/>`],
      ['an empty one', `<iq type='error' id='bind'><error/></iq>`],
      [
        'a type that is none',
        `<iq type='error' id='bind'><error type='maybe'><text xmlns='${NS.stanzas}'/></error></iq>`,
      ],
    ])('with %s', (_name, answer) => {
      const run = new WireRun(offering([BIND], hearsBind(), reply(answer)), init()).flush(0).check();
      expect(run.error).toMatchObject({ condition: 'undefined-condition', type: 'cancel', phase: 'bind' });
    });
  });

  describe('the answer holds no full JID', () => {
    const results: [string, string][] = [
      ['no payload', `<iq type='result' id='bind'/>`],
      ['no JID', `<iq type='result' id='bind'><bind xmlns='${NS.bind}'/></iq>`],
      ['one in another namespace', `<iq type='result' id='bind'><bind xmlns='urn:x'><jid>${BOUND}</jid></bind></iq>`],
      ['an empty one', bindResult('')],
      ['a bare one', bindResult(ACCOUNT)],
      ['a malformed one', bindResult('@/')],
      ['an overlong one', bindResult(`${ACCOUNT}/${'x'.repeat(1024)}`)],
    ];
    it.each(results)('but %s', (_name, answer) => {
      const run = new WireRun(offering([BIND], hearsBind(), reply(answer)), init()).flush(0).check();
      expect(run.error).toBeInstanceOf(StreamError);
      expect(run.error).toMatchObject({ condition: 'bad-format', phase: 'bind', retryable: false });
      expect(run.sent.endsWith(FOOTER)).toBe(true);
    });
  });

  it('D10: nothing to bind by: the credentials were right, and that was all', () => {
    for (const offer of [[], [LEGACY_SESSION], [`<bind xmlns='urn:example'/>`]]) {
      check(
        () => offering(offer),
        (run) => {
          expect(run.outcome).toBe('stream feature-missing (bind) local');
          expect(run.events).toBe(
            'opening opened features authenticating authenticated opening opened features failed',
          );
        },
      );
    }
  });

  it('is not asked for before authentication, whatever is on offer', () => {
    const run = new WireRun([opens(features(BIND, mechanisms('EXTERNAL')), { secure: true }), mute()], init()).flush(0);
    expect(run.events).toBe('opening opened features authenticating');
    run.unsubscribe().check();
  });

  it('what is no answer does not count as one', () => {
    const noise = [
      `<iq type='result' id='other'/>`,
      `<iq type='get' id='bind'/>`,
      `<iq id='bind'/>`,
      `<message id='bind' type='error'/>`,
      `<iq xmlns='urn:example' type='result' id='bind'/>`,
    ].join('');
    check(
      // The request among it is one all the same, and is answered once there is a session.
      () => offering([BIND], hearsBind(), reply(noise + bindResult()), expects(`<iq type='error' id='bind'>*</iq>`)),
      (run) => expect([run.outcome, run.session.jid.toString()]).toEqual(['online', BOUND]),
    );
  });
});

describe('legacySession', () => {
  watchUnhandled();

  it.each([
    ['is established where it is required', [BIND, LEGACY_SESSION], establishes()],
    ['is required, and comes first in the list', [LEGACY_SESSION, BIND], establishes()],
    ['is left out where it is optional', [BIND, OPTIONAL_SESSION], []],
    ['is left out where it is not offered', [BIND], []],
    ['is left out where the name is that of something else', [BIND, `<session xmlns='urn:example'/>`], []],
  ] as const)('%s', (_name, offer, then) => {
    check(
      () => offering(offer, binds(), then),
      (run) => {
        expect(run.outcome).toBe('online');
        run.transport.verify();
      },
    );
  });

  it('a refusal ends the attempt, in phase bind', () => {
    const hears = expects(`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`);
    check(
      () => offering([BIND, LEGACY_SESSION], binds(), hears, reply(iqError('{session}', 'forbidden', 'auth'))),
      (run) => expect(run.outcome).toBe('stanza forbidden (bind)'),
    );
  });

  it('what comes before its answer is not lost: with the JID bound, others can reach us (I7)', () => {
    const early = `${message('one')}<presence from='bob@example.org/x'/>${message('two')}`;
    const stanzas: string[] = [];
    replay(
      () =>
        offering(
          [BIND, LEGACY_SESSION],
          hearsBind(),
          reply(bindResult() + early),
          establishes(),
          reply(message('three')),
        ),
      {
        ...init(),
        use: ({ stanza$ }) => {
          stanzas.length = 0;
          stanza$.subscribe((stanza) => stanzas.push(stanza.child('body')?.text() ?? stanza.name));
        },
      },
      () => expect(stanzas).toEqual(['one', 'presence', 'two', 'three']),
      { stride: 11 },
    );
  });

  it('nobody else can answer for the server (S1)', () => {
    for (const from of ['eve@example.net/x', 'example.net', `bob@${DOMAIN}/desk`, `${ACCOUNT}/other`]) {
      const forged = [
        `<iq type='error' id='session' from='${from}'/>`,
        `<iq type='result' id='session' from='${from}'/>`,
      ];
      const run = new WireRun(offering([BIND, LEGACY_SESSION], binds(), reply(...forged), mute()), init()).flush(0);
      expect(run.outcome).toBe('pending');
      run.unsubscribe().check();
    }
  });

  it.each([DOMAIN, ACCOUNT, BOUND])('the server may answer as %s', (from) => {
    const hears = expects(`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`);
    const answer = reply(`<iq type='result' id='{session}' from='${from}'/>`);
    const run = new WireRun(offering([BIND, LEGACY_SESSION], binds(), hears, answer), init()).flush(0);
    expect(run.outcome).toBe('online');
    run.unsubscribe().check();
  });
});
