import { EMPTY, of, Subject, throwError } from 'rxjs';
import type { XmppOptions } from '../../../lib/client/options.js';
import { SaslError } from '../../../lib/errors/index.js';
import type { SaslMechanism } from '../../../lib/sasl/mechanism.js';
import { after, cut, end, exchange, expects, mute, reply, type Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import {
  ACCOUNT,
  auth,
  base64,
  BIND,
  binds,
  challenge,
  clientHeader,
  DOMAIN,
  features,
  FOOTER,
  mechanisms,
  message,
  opens,
  PASSWORD,
  saslFailure,
  scram,
  scramExchange,
  serverHeader,
  STARTTLS,
  success,
} from '../../support/wire.js';
import { replay, replayCrypto, watchUnhandled, WireRun, type WireInit } from '../../support/wire-run.js';

const SECURE = { secure: true };
/** Everything here happens over direct TLS. */
const tls = { tls: true } as const;

/** The server offers these mechanisms, then does this. */
const offering = (names: readonly string[], ...then: Script): Script => [
  opens(features(mechanisms(...names)), SECURE),
  then,
];

function expectOutcome(script: () => Script, outcome: string, options: Partial<XmppOptions> = {}, stride = 31): void {
  replay(script, { options, transport: tls }, (run) => expect(run.outcome).toBe(outcome), { stride });
}

describe('sasl', () => {
  watchUnhandled();

  describe('the way through', () => {
    const comesOnline = (names: readonly string[], turns: () => Script, init: WireInit = {}, from = ACCOUNT) =>
      replay(
        () => [
          opens(features(mechanisms(...names)), { secure: true, from }),
          turns(),
          opens(features(BIND), { secure: true, from }),
          binds(),
        ],
        { ...init, transport: { ...tls, ...init.transport } },
        (run) => {
          expect(run.outcome).toBe('online');
          run.transport.verify();
        },
        { stride: 29 },
      );

    it.each(['SHA-1', 'SHA-256', 'SHA-512'] as const)('SCRAM-%s', (hash) => {
      comesOnline([`SCRAM-${hash}`], () => scram(hash));
    });

    it('SCRAM-SHA-256-PLUS with the data of the TLS connection', () => {
      const data = new Uint8Array(32).fill(3);
      comesOnline(
        ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'],
        () => scram('SHA-256', { binding: { type: 'tls-exporter', data } }),
        { transport: { channelBinding: (type) => (type === 'tls-exporter' ? data : undefined) } },
      );
    });

    it('SCRAM with the signature in a challenge of its own (RFC 4422 section 3.7)', () => {
      comesOnline(['SCRAM-SHA-1'], () => {
        const { hearsAuth, challenges, hearsProof } = scramExchange('SHA-1');
        return [
          hearsAuth,
          challenges(),
          hearsProof,
          reply(({ final }) => challenge(base64(final!))),
          exchange([`<response xmlns='${NS.sasl}'/>`, success()]),
        ];
      });
    });

    it('PLAIN, which was asked for', () => {
      comesOnline(['PLAIN'], () => auth('PLAIN', `\0alice\0${PASSWORD}`), {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
      });
    });

    it('PLAIN for somebody else, with a name that is not that of the JID', () => {
      comesOnline(['PLAIN'], () => auth('PLAIN', `bob@example.org\0admin\0${PASSWORD}`), {
        options: {
          credentials: { password: PASSWORD, allowPlain: true, username: 'admin', authzid: 'bob@example.org' },
        },
      });
    });

    it('ANONYMOUS, with an empty initial response, and no name in the header', () => {
      comesOnline(
        ['ANONYMOUS'],
        () => auth('ANONYMOUS', ''),
        { options: { jid: undefined, domain: DOMAIN, credentials: {} } },
        '',
      );
    });

    it('EXTERNAL', () => {
      comesOnline(['EXTERNAL'], () => auth('EXTERNAL', ''), { options: { credentials: { external: true } } });
    });

    it('EXTERNAL with an identity', () => {
      comesOnline(['EXTERNAL'], () => auth('EXTERNAL', ACCOUNT), {
        options: { credentials: { external: true, authzid: ACCOUNT } },
      });
    });

    it('a success with data where the mechanism has none to expect', () => {
      comesOnline(['EXTERNAL'], () => auth('EXTERNAL', '', success('=')), {
        options: { credentials: { external: true } },
      });
    });

    it('white space in base64 elements, as pretty printers leave it', () => {
      comesOnline(['SCRAM-SHA-1'], () => {
        const { hearsAuth, hearsProof } = scramExchange('SHA-1');
        return [
          hearsAuth,
          reply(({ first }) => challenge(`\n  ${base64(first!)}\n`)),
          hearsProof,
          reply(({ final }) => success(` ${base64(final!)} `)),
        ];
      });
    });

    it('a mechanism of the caller: one file, one entry', () => {
      const own: SaslMechanism = {
        name: 'X-OWN',
        usable: () => true,
        start: () => ({
          initial: () => of(undefined),
          respond: (data) => of(new Uint8Array([...data].reverse())),
          finish: () => of(undefined),
        }),
      };
      comesOnline(
        ['PLAIN', 'X-OWN'],
        () => [
          exchange(
            [`<auth xmlns='${NS.sasl}' mechanism='X-OWN'/>`, challenge(base64('abc'))],
            [`<response xmlns='${NS.sasl}'>${base64('cba')}</response>`, challenge()],
            [`<response xmlns='${NS.sasl}'/>`, success()],
          ),
        ],
        { options: { credentials: { mechanisms: [own] } } },
      );
    });
  });

  describe('the choice (A1)', () => {
    const secret = { password: PASSWORD };
    const rows: [string, string, Partial<XmppOptions>, RegExp][] = [
      ['PLAIN only', features(mechanisms('PLAIN')), {}, /PLAIN needs credentials.allowPlain/],
      ['unknown ones only', features(mechanisms('X-A', 'DIGEST-MD5')), {}, /offers X-A, DIGEST-MD5; usable: SCRAM/],
      ['an empty list', features(mechanisms()), {}, /offers no SASL mechanism/],
      ['no list', features(BIND), {}, /offers no SASL mechanism/],
      [
        'a list of another namespace',
        features(`<mechanisms xmlns='urn:x'><mechanism>PLAIN</mechanism></mechanisms>`),
        {},
        /no SASL/,
      ],
      ['names that are none', features(mechanisms('', '&lt;b>', 'scram-sha-1')), {}, /offers no SASL mechanism/],
      [
        '-PLUS only, with no channel binding',
        features(mechanisms('SCRAM-SHA-256-PLUS')),
        {},
        /SCRAM-SHA-256-PLUS needs channel binding/,
      ],
      ['ANONYMOUS to whom has a password', features(mechanisms('ANONYMOUS')), {}, /needs credentials.anonymous/],
      [
        'SCRAM to whom has none',
        features(mechanisms('SCRAM-SHA-1')),
        { jid: undefined, domain: DOMAIN, credentials: {} },
        /SCRAM-SHA-1 needs credentials.username/,
      ],
      [
        'EXTERNAL to whom has no certificate',
        features(mechanisms('EXTERNAL')),
        { credentials: secret },
        /EXTERNAL needs credentials.external/,
      ],
    ];
    it.each(rows)('%s: no-mechanism, and nothing is sent', (_name, offer, options, text) => {
      const from = options.domain ? '' : ACCOUNT;
      replay(
        () => [opens(offer, { secure: true, from })],
        { options, transport: tls },
        (run) => {
          expect(run.outcome).toBe('sasl no-mechanism (sasl)');
          expect((run.error as SaslError).text).toMatch(text);
          expect(run.sent).not.toContain('<auth');
          expect(run.sent.endsWith(FOOTER)).toBe(true);
        },
        { stride: 41 },
      );
    });

    it('the strongest, whatever the order of the server', () => {
      const run = new WireRun(
        offering(['PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-512', 'X-BETTER', 'SCRAM-SHA-256'], mute()),
        { options: { credentials: { password: PASSWORD, allowPlain: true } }, transport: tls },
      ).flush(0);
      expect(run.trace.at(-1)).toMatchObject({ type: 'authenticating', mechanism: 'SCRAM-SHA-512' });
      run.unsubscribe();
    });

    it('-PLUS is given up once where the server refuses it and does not say which bindings it knows', () => {
      const script = offering(
        ['SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS'],
        exchange([`<auth xmlns='${NS.sasl}' mechanism='SCRAM-SHA-1-PLUS'>*</auth>`, saslFailure('not-authorized')]),
        exchange([`<auth xmlns='${NS.sasl}' mechanism='SCRAM-SHA-1'>*</auth>`, saslFailure('not-authorized')]),
      );
      const channelBinding = () => new Uint8Array(32);
      replay(
        () => script,
        { transport: { ...tls, channelBinding } },
        (run) => {
          expect(run.outcome).toBe('sasl not-authorized (sasl)');
          expect(run.events).toBe('opening opened features authenticating authenticating failed');
        },
        { stride: 41 },
      );
    });
  });

  describe('the server says no', () => {
    const conditions: [string, boolean][] = [
      ['aborted', false],
      ['account-disabled', false],
      ['credentials-expired', false],
      ['encryption-required', false],
      ['incorrect-encoding', false],
      ['invalid-authzid', false],
      ['invalid-mechanism', false],
      ['malformed-request', false],
      ['mechanism-too-weak', false],
      ['not-authorized', false],
      ['temporary-auth-failure', true],
    ];
    it.each(conditions)('%s', (condition, retryable) => {
      replay(
        () => offering(['SCRAM-SHA-1'], scramExchange('SHA-1').hearsAuth, reply(saslFailure(condition, 'as it says'))),
        { transport: tls },
        (run) => {
          expect(run.error).toBeInstanceOf(SaslError);
          expect(run.error).toMatchObject({ condition, retryable, phase: 'sasl', mechanism: 'SCRAM-SHA-1' });
          expect((run.error as SaslError).text).toContain('(as it says)');
          expect(run.sent.endsWith(`</auth>${FOOTER}`)).toBe(true);
        },
        { stride: 53 },
      );
    });

    it('a condition of its own is not repeated: it could be what we sent', () => {
      const own = reply(saslFailure('x-own'));
      expectOutcome(
        () => offering(['SCRAM-SHA-1'], scramExchange('SHA-1').hearsAuth, own),
        'sasl not-authorized (sasl)',
      );
    });

    it('without a condition', () => {
      const silent = `<failure xmlns='${NS.sasl}'/>`;
      expectOutcome(
        () => offering(['SCRAM-SHA-1'], scramExchange('SHA-1').hearsAuth, reply(silent)),
        'sasl not-authorized (sasl)',
      );
    });

    it('after the proof', () => {
      expectOutcome(() => {
        const { hearsAuth, challenges, hearsProof } = scramExchange('SHA-1');
        return offering(['SCRAM-SHA-1'], hearsAuth, challenges(), hearsProof, reply(saslFailure('not-authorized')));
      }, 'sasl not-authorized (sasl)');
    });

    it('a text that repeats what we sent stays out of the error (A7)', () => {
      const echo = exchange([
        `<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`,
        saslFailure('not-authorized', 'no: {data}'),
      ]);
      const run = new WireRun(offering(['PLAIN'], echo), {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: tls,
      }).flush(0);
      expect(run.outcome).toBe('sasl not-authorized (sasl)');
      run.check();
    });
  });

  it.each([
    ['its text', (said: string) => `<not-authorized xmlns='${NS.streams}'/><text xmlns='${NS.streams}'>${said}</text>`],
    ['where it sends us', (said: string) => `<see-other-host xmlns='${NS.streams}'>${said}</see-other-host>`],
  ])('a stream error that repeats what we sent in %s is told without it (A7)', (_where, content) => {
    const echo = exchange([
      `<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`,
      `<stream:error>${content('{data}')}</stream:error>`,
    ]);
    const run = new WireRun([offering(['PLAIN'], echo), mute()], {
      options: { credentials: { password: PASSWORD, allowPlain: true } },
      transport: tls,
    }).flush(0);
    expect(run.outcome).toMatch(/^stream (not-authorized|see-other-host) \(sasl\) remote$/);
    expect(run.error).toMatchObject({ location: undefined, text: 'the server ended the stream' });
    run.check();
  });

  describe('the server is not who it says (A4)', () => {
    const finals: [string, string | ((right: string) => string), string][] = [
      ['no signature', '', 'server-not-authentic'],
      ['an empty one', 'v=', 'server-not-authentic'],
      ['another one', `v=${base64('x'.repeat(20))}`, 'server-not-authentic'],
      ['a truncated one', (right) => right.slice(0, -5), 'server-not-authentic'],
      [
        'one that is too long',
        (right) => `v=${base64(`${Buffer.from(right.slice(2), 'base64').toString('latin1')}x`)}`,
        'server-not-authentic',
      ],
      ['one of another kind', 'w=abcd', 'server-not-authentic'],
      ['the error of SCRAM', 'e=invalid-proof', 'not-authorized'],
      ['an error that is none', 'e=', 'server-not-authentic'],
    ];
    it.each(finals)('%s', (_name, final, condition) => {
      expectOutcome(() => {
        const { hearsAuth, challenges, hearsProof, succeeds } = scramExchange('SHA-1');
        return offering(
          ['SCRAM-SHA-1'],
          hearsAuth,
          challenges(),
          hearsProof,
          succeeds(typeof final === 'string' ? () => final : final),
        );
      }, `sasl ${condition} (sasl)`);
    });

    const early: [string, string, string][] = [
      ['success in place of a challenge', success(), 'server-not-authentic'],
      ['success with a signature in place of a challenge', success(base64('v=AAAA')), 'server-not-authentic'],
      ['a challenge with no nonce of ours', challenge(base64('r=other,s=AAAA,i=4096')), 'bad-challenge'],
      ['a challenge with too few iterations (A5)', challenge(base64('r={nonce}x,s=AAAA,i=1')), 'bad-challenge'],
      [
        'a challenge with too many iterations (A5)',
        challenge(base64('r={nonce}x,s=AAAA,i=2147483648')),
        'bad-challenge',
      ],
      ['an empty challenge', challenge(), 'bad-challenge'],
      ['a challenge that is no base64', challenge('?'), 'bad-challenge'],
      ['a success that is no base64', success('*'), 'bad-challenge'],
    ];
    it.each(early)('%s', (_name, answer, condition) => {
      expectOutcome(
        () => offering(['SCRAM-SHA-1'], scramExchange('SHA-1').hearsAuth, reply(answer)),
        `sasl ${condition} (sasl)`,
      );
    });

    it('is never told to be authenticated, and gets no stream', () => {
      const { hearsAuth, challenges, hearsProof, succeeds } = scramExchange('SHA-1');
      const run = new WireRun(
        offering(
          ['SCRAM-SHA-1'],
          hearsAuth,
          challenges(),
          hearsProof,
          succeeds(() => 'v=AAAA'),
        ),
        { transport: tls },
      )
        .flush(0)
        .check();
      expect(run.events).toBe('opening opened features authenticating failed');
      // Not even a goodbye: after <success/> the old stream is none.
      expect(run.sent.endsWith('</response>')).toBe(true);
    });

    it('does not get an endless exchange', () => {
      expectOutcome(() => {
        const { hearsAuth, challenges, hearsProof } = scramExchange('SHA-1');
        return offering(
          ['SCRAM-SHA-1'],
          hearsAuth,
          challenges(),
          hearsProof,
          reply(({ final }) => challenge(base64(final!))),
          exchange([`<response xmlns='${NS.sasl}'/>`, challenge()]),
        );
      }, 'sasl bad-challenge (sasl)');
    });
  });

  describe('what has no place in an exchange', () => {
    const external: WireInit = { options: { credentials: { external: true } }, transport: tls };
    const elements: [string, string][] = [
      ['a stanza', message('hello')],
      ['features', features(BIND)],
      ['success of another namespace', `<success xmlns='urn:example'/>`],
      ['an element of no meaning', `<response xmlns='${NS.sasl}'/>`],
      ['STARTTLS', STARTTLS],
    ];
    it.each(elements)('%s', (_name, element) => {
      replay(
        () => offering(['EXTERNAL'], expects(`<auth xmlns='${NS.sasl}' mechanism='EXTERNAL'>=</auth>`), reply(element)),
        external,
        (run) => expect(run.outcome).toBe('sasl bad-challenge (sasl)'),
        { stride: 53 },
      );
    });

    it('a challenge for a mechanism that knows none', () => {
      expectOutcome(
        () => offering(['EXTERNAL'], auth('EXTERNAL', '', challenge(base64('who?')))),
        'sasl bad-challenge (sasl)',
        external.options,
      );
    });

    it('bytes behind <success/> belong to no stream', () => {
      for (const behind of [message('x'), '<', serverHeader() + features(BIND), FOOTER, '\0', '&amp;']) {
        const run = new WireRun(offering(['EXTERNAL'], auth('EXTERNAL', '', success() + behind)), external)
          .flush(0)
          .check();
        expect(run.outcome).toBe('stream policy-violation (sasl) local');
        expect(run.events).toBe('opening opened features authenticating failed');
      }
    });

    it('bytes behind <success/>, cut off: they are not what the new stream begins with either', () => {
      replay(
        () => [offering(['EXTERNAL'], auth('EXTERNAL', '', success() + message('x'))), mute()],
        external,
        (run) => {
          expect(run.outcome).toMatch(/^stream (policy-violation \(sasl\)|bad-format \(open\)) local$/);
          expect(run.sessions).toEqual([]);
        },
        { stride: 7 },
      );
    });

    describe('bytes behind <success/> that come before our new header (I5)', () => {
      /** The mechanism takes 20 ms to check what the server proves. */
      const afterSuccess = (...then: Script) => {
        const checked$ = new Subject<void>();
        const slow: SaslMechanism = {
          name: 'X-SLOW',
          usable: () => true,
          start: () => ({
            initial: () => of(undefined),
            respond: () => EMPTY,
            finish: () => checked$,
          }),
        };
        const run = new WireRun(
          [
            offering(['X-SLOW'], exchange([`<auth xmlns='${NS.sasl}' mechanism='X-SLOW'/>`, success()])),
            after(10),
            ...then,
          ],
          { options: { credentials: { mechanisms: [slow] } }, transport: tls },
        ).flush(20);
        checked$.next();
        checked$.complete();
        return run.flush(30);
      };
      const header = serverHeader().replace(/^<[?].*?[?]>/, '');

      it.each([
        ['a header and features', serverHeader() + features(BIND)],
        ['a header without a declaration', header],
        ['a stanza', message('x')],
        ['half a tag', '<'],
        ['the footer', FOOTER],
        ['no XML', '\0'],
      ])('%s: the server is to answer our header, and not to come before it', (_name, bytes) => {
        const run = afterSuccess(reply(bytes), mute()).check();
        expect(run.outcome).toBe('stream policy-violation (sasl) local');
        expect(run.events).toBe('opening opened features authenticating failed');
        expect(run.sent.match(/<stream:stream/g)).toHaveLength(1);
      });

      it.each([
        ['it ends the connection', end(), 'transport connection-closed (sasl)'],
        ['the connection is reset', cut(), 'transport connection-reset (sasl)'],
      ])('%s', (_name, step, outcome) => {
        expect(afterSuccess(step).check().outcome).toBe(outcome);
      });

      it('white space is allowed, and lost on the new stream', () => {
        const opensAnew = [expects(clientHeader(SECURE)), reply(header + features(BIND)), binds()];
        const run = afterSuccess(reply(' \n', '\t'), ...opensAnew);
        expect(run.outcome).toBe('online');
        run.transport.verify();
        run.unsubscribe().check();
      });

      it('nothing is read any more once the attempt is given up', () => {
        const run = afterSuccess(mute());
        expect(run.outcome).toBe('pending');
        run.unsubscribe().check();
      });
    });

    it('but white space may come', () => {
      replay(
        () => [
          offering(['EXTERNAL'], auth('EXTERNAL', '', `${success()} \r\n\t `)),
          expects(clientHeader(SECURE)),
          reply(serverHeader().replace(/^<[?].*?[?]>/, '') + features(BIND)),
          binds(),
        ],
        external,
        (run) => expect(run.outcome).toBe('online'),
        { stride: 53 },
      );
    });

    it('nothing that was advertised before counts after (I5)', () => {
      replay(
        () => [
          opens(features(mechanisms('EXTERNAL'), BIND), SECURE),
          auth('EXTERNAL', ''),
          opens(features(mechanisms('EXTERNAL')), SECURE),
        ],
        external,
        (run) => expect(run.outcome).toBe('stream feature-missing (bind) local'),
        { stride: 53 },
      );
    });
  });

  describe('our side fails', () => {
    it('at a password that is not allowed: nothing is sent', () => {
      expectOutcome(
        () => offering(['SCRAM-SHA-1'], scramExchange('SHA-1').hearsAuth, scramExchange('SHA-1').challenges()),
        'sasl bad-credentials (sasl)',
        {
          credentials: { password: 'bell\u0007' },
        },
      );
    });

    it('at a crypto port that fails, without a word of what it said', () => {
      const crypto = { ...replayCrypto, pbkdf2: () => throwError(() => new Error(PASSWORD)) };
      const { hearsAuth, challenges } = scramExchange('SHA-1');
      const run = new WireRun(offering(['SCRAM-SHA-1'], hearsAuth, challenges()), {
        options: { crypto },
        transport: tls,
      });
      run.flush(0).check();
      expect(run.outcome).toBe('sasl crypto-failed (sasl)');
    });

    it('at a mechanism that cannot even start', () => {
      const broken: SaslMechanism = {
        name: 'X-BROKEN',
        usable: () => true,
        start: () => {
          throw new SaslError({ condition: 'aborted', text: 'not today' });
        },
      };
      expectOutcome(() => offering(['X-BROKEN']), 'sasl aborted (sasl)', { credentials: { mechanisms: [broken] } });
    });
  });
});
