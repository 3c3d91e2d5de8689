import { map, NEVER, of, Subject, type Observable } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { TlsError, XmppTimeoutError } from '../../lib/errors/index.js';
import { openStream } from '../../lib/stream/open-stream.js';
import { startTls } from '../../lib/stream/start-tls.js';
import type { XmlStream } from '../../lib/stream/xml-stream.js';
import { exchange, expects, mute, reply, startTls as handshakes, type Script } from '../../lib/testing.js';
import type { Connection, TlsPolicy } from '../../lib/transport/transport.js';
import { NS, xml } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import {
  auth,
  base64,
  BIND,
  binds,
  clientHeader,
  DOMAIN,
  features,
  FOOTER,
  mechanisms,
  message,
  opens,
  PASSWORD,
  PROCEED,
  saslFailure,
  scram,
  serverHeader,
  STARTTLS,
  success,
  TLS_FAILURE,
} from '../support/wire.js';
import { replay, watchUnhandled, WireRun, type WireInit } from '../support/wire-run.js';

const OUR_HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='${NS.stream}' xmlns='${NS.client}' to='${DOMAIN}' version='1.0'>`;
const unavailable = new TlsError({
  condition: 'tls-unavailable',
  phase: 'starttls',
  text: 'the server offers no TLS on this stream',
});

describe('startTls', () => {
  watchUnhandled();

  describe('in marbles', () => {
    /** `o` our stream opens, `p` proceed, `n` failure; `b` the secured stream opens; `t` the handshake succeeds. */
    const WIRE = {
      o: serverHeader() + features(STARTTLS),
      b: serverHeader({ id: 's2' }) + features(BIND),
      p: PROCEED,
      n: TLS_FAILURE,
    };
    interface Case {
      readonly plain: string;
      readonly tls?: string;
      readonly tlsSubs: string | [];
      readonly secured?: string;
      readonly securedSubs?: string;
      readonly unsub?: string;
      readonly result: string;
      readonly error?: Error;
      readonly sent: string;
      readonly sentOverTls?: string;
    }
    const failed = new TlsError({ condition: 'wrong-identity' });
    const cases: Record<string, Case> = {
      success: {
        plain: '      o-p-------',
        tls: '          --t---',
        tlsSubs: '    --^------!',
        unsub: '      ^--------!',
        secured: '    ------b---',
        securedSubs: '----^-!',
        result: '     ------s---',
        sent: OUR_HEADER + STARTTLS,
        sentOverTls: OUR_HEADER + FOOTER,
      },
      refusal: {
        plain: '  o--n',
        tlsSubs: [],
        result: ' ---#',
        error: unavailable,
        sent: OUR_HEADER + STARTTLS + FOOTER,
      },
      'silence in place of proceed': {
        plain: '  o---------',
        tlsSubs: [],
        result: ' -----#',
        error: new XmppTimeoutError('starttls', 5),
        sent: OUR_HEADER + STARTTLS + FOOTER,
      },
      'a handshake that never ends': {
        plain: '  o-p---------',
        tls: '      ----------',
        tlsSubs: '--^-----!',
        result: ' --------#',
        error: new XmppTimeoutError('tls', 6),
        sent: OUR_HEADER + STARTTLS,
      },
      'a handshake that fails': {
        plain: '  o-p---------',
        tls: '      ---#',
        tlsSubs: '--^--!',
        result: ' -----#',
        error: new TlsError({ condition: 'wrong-identity', phase: 'tls' }),
        sent: OUR_HEADER + STARTTLS,
      },
      'the secured connection is lost': {
        plain: '  o-p---------',
        tls: '      -t---#',
        tlsSubs: '--^----!',
        secured: '----b---',
        result: ' ----s--#',
        error: new TlsError({ condition: 'wrong-identity', phase: 'tls' }),
        sent: OUR_HEADER + STARTTLS,
        sentOverTls: OUR_HEADER + FOOTER,
      },
      'unsubscribed before proceed': {
        plain: '  o-----',
        tlsSubs: [],
        unsub: '  ^--!',
        result: ' ------',
        sent: OUR_HEADER + STARTTLS + FOOTER,
      },
      'unsubscribed during the handshake': {
        plain: '  o-p---',
        tls: '      -----t',
        tlsSubs: '--^-!',
        unsub: '  ^---!',
        result: ' ------',
        sent: OUR_HEADER + STARTTLS,
      },
      'unsubscribed once secured': {
        plain: '      o-p---',
        tls: '          -t----',
        tlsSubs: '    --^--!',
        secured: '    ----b---',
        securedSubs: '---^!',
        unsub: '      ^----!',
        result: '     ----s-',
        sent: OUR_HEADER + STARTTLS,
        sentOverTls: OUR_HEADER + FOOTER,
      },
    };

    it.each(Object.entries(cases))('%s', (_name, row) => {
      let plain = stubConnection();
      let secured = stubConnection();
      marbles((m) => {
        // A frame later than written, so that the connection is there first.
        const late = (marbles = '') => `-${marbles.trim()}`;
        const securedInput$ = m.hot<string>(late(row.secured), WIRE);
        secured = stubConnection(securedInput$, { tls: { protocol: 'TLSv1.3' } });
        const tls$ = m.cold<Connection>((row.tls ?? '-').trim(), { t: secured }, failed);
        plain = stubConnection(m.hot<string>(late(row.plain), WIRE), { startTls: () => tls$ });
        const config = { to: DOMAIN, timeouts: { starttls: 5, tls: 6 } };
        const secure$ = m.cold<Connection>('c', { c: plain }).pipe(
          openStream(config),
          startTls(config),
          map((stream) => {
            expect(stream.connection).toBe(secured);
            expect(stream.features.child('starttls', NS.tls)).toBeUndefined();
            return 's';
          }),
        );
        const unsub = row.unsub && row.unsub.trim().replace('^', '^-');
        m.expect(secure$, unsub).toBeObservable(late(row.result), undefined, row.error);
        m.expect(tls$).toHaveSubscriptions(typeof row.tlsSubs === 'string' ? [late(row.tlsSubs)] : row.tlsSubs);
        if (row.securedSubs) m.expect(securedInput$).toHaveSubscriptions(late(row.securedSubs));
      })();
      expect([plain.sent, secured.sent]).toEqual([row.sent, row.sentOverTls ?? '']);
    });
  });

  describe('leaves the stream as it is', () => {
    const streamOf = (connection: Connection, answer: string) => {
      const input$ = new Subject<string>();
      let passed: unknown = 'nothing';
      const opened = of({ ...connection, input$ }).pipe(openStream({ to: DOMAIN }));
      return {
        through: (policy: TlsPolicy | undefined) => {
          let first: XmlStream | undefined;
          opened
            .pipe(
              map((stream) => (first = stream)),
              startTls({ to: DOMAIN, policy }),
            )
            .subscribe({ next: (stream) => (passed = stream === first), error: (error: unknown) => (passed = error) });
          input$.next(serverHeader() + features(answer));
          return passed;
        },
      };
    };

    it.each([
      ['it is secure already', { tls: { protocol: 'TLSv1.2' } }, STARTTLS, 'required'],
      ['TLS is disabled', {}, STARTTLS, 'disabled'],
      ['it is preferred, and not advertised', {}, BIND, 'preferred'],
    ] as const)('where %s', (_name, init, answer, policy) => {
      expect(streamOf(stubConnection(NEVER, init), answer).through(policy)).toBe(true);
    });

    it.each(['required', undefined] as const)('but not where the transport cannot start TLS: %s', (policy) => {
      expect(streamOf(stubConnection(), STARTTLS).through(policy)).toMatchObject({
        layer: 'tls',
        condition: 'tls-unavailable',
        phase: 'starttls',
      });
    });
  });

  it('does not believe a transport whose TLS is none', () => {
    const insecure = stubConnection();
    const input$ = new Subject<string>();
    let error: unknown;
    of(stubConnection(input$, { startTls: () => of(insecure) }) as Connection)
      .pipe(openStream({ to: DOMAIN }), startTls({ to: DOMAIN }))
      .subscribe({ error: (thrown: unknown) => (error = thrown) });
    input$.next(serverHeader() + features(STARTTLS));
    input$.next(PROCEED);
    expect(error).toMatchObject({ layer: 'tls', condition: 'tls-unavailable', phase: 'tls' });
    expect(insecure.sent).toBe('');
  });

  describe('STARTTLS stripped (T1)', () => {
    /** Whatever a client could authenticate with, in clear if it is careless. */
    const TEMPTING = mechanisms('SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'ANONYMOUS', 'EXTERNAL');
    const credentials = { password: 'secret', allowPlain: true, external: true };

    const advertised: [string, string][] = [
      ['only mechanisms', features(TEMPTING)],
      ['nothing', features()],
      ['it last', features(TEMPTING, STARTTLS)],
      ['it in another namespace', features(`<starttls xmlns='urn:example'/>`, TEMPTING)],
    ];
    const answers: [string, Script, string][] = [
      ['failure', [reply(TLS_FAILURE)], 'tls tls-unavailable (starttls)'],
      ['failure and the footer', [reply(TLS_FAILURE + FOOTER)], 'tls tls-unavailable (starttls)'],
      ['a SASL failure', [reply(saslFailure('not-authorized'))], 'tls tls-unavailable (starttls)'],
      ['the features again', [reply(features(TEMPTING))], 'tls tls-unavailable (starttls)'],
      ['a stanza', [reply(message('hi'))], 'tls tls-unavailable (starttls)'],
      ['success', [reply(success())], 'tls tls-unavailable (starttls)'],
      ['proceed of another namespace', [reply(`<proceed xmlns='urn:example'/>`)], 'tls tls-unavailable (starttls)'],
      ['silence', [mute()], 'timeout timeout (starttls)'],
    ];
    const rows = advertised.flatMap(([offer, answer]) =>
      answers.map(([name, script, outcome]) => ({
        offer,
        name,
        outcome,
        script: [opens(answer), expects(STARTTLS), script],
      })),
    );

    it.each(rows)('advertised: $offer, answered by $name', ({ script, outcome }) => {
      replay(
        () => script,
        { options: { credentials } },
        (run) => {
          expect(run.outcome).toBe(outcome);
          expect(run.sent).toBe(OUR_HEADER + STARTTLS + FOOTER);
        },
        { until: Infinity, stride: 41 },
      );
    });

    it.each([
      ['to which it is an unknown element (Prosody)', 'unsupported-stanza-type', 'tls tls-unavailable (starttls)'],
      ['to which it comes before authentication', 'not-authorized', 'tls tls-unavailable (starttls)'],
      ['that has other reasons', 'policy-violation', 'stream policy-violation (starttls) remote'],
      ['that is shutting down', 'system-shutdown', 'stream system-shutdown (starttls) remote'],
    ])('not advertised, by a server %s', (_what, condition, outcome) => {
      const answer = `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>${FOOTER}`;
      const ends = (...offer: string[]) =>
        new WireRun([opens(features(...offer)), expects(STARTTLS), reply(answer)], { options: { credentials } })
          .flush(0)
          .check();
      expect(ends(TEMPTING).outcome).toBe(outcome);
      expect(ends(TEMPTING).sent).toBe(OUR_HEADER + STARTTLS + FOOTER);
      expect(ends(TEMPTING, STARTTLS).outcome).toBe(`stream ${condition} (starttls) remote`);
    });

    it('by a transport that knows no TLS: nothing but the header is sent', () => {
      const input$ = new Subject<string>();
      const connection = stubConnection(input$);
      const transport = { name: 'insecure', connect: () => of(connection) as Observable<Connection> };
      const run = new WireRun([], { options: { credentials, transport } });
      input$.next(serverHeader() + features(TEMPTING));
      expect(run.outcome).toBe('tls tls-unavailable (starttls)');
      expect(connection.sent).toBe(OUR_HEADER + FOOTER);
    });

    it('goes on in clear only where that was asked for, and not with PLAIN even then', () => {
      const inClear = (policy: TlsPolicy, ...names: string[]) => {
        const script: Script = [opens(features(mechanisms(...names))), mute()];
        return new WireRun(script, { options: { credentials, tls: policy } }).flush(0).check();
      };
      expect(inClear('preferred', 'SCRAM-SHA-1', 'PLAIN').events).toBe('opening opened features authenticating');
      expect(inClear('disabled', 'SCRAM-SHA-1', 'PLAIN').events).toBe('opening opened features authenticating');
      expect(inClear('preferred', 'PLAIN', 'EXTERNAL').outcome).toBe('sasl no-mechanism (sasl)');
      expect(inClear('disabled', 'PLAIN').outcome).toBe('sasl no-mechanism (sasl)');
    });

    it('preferred: tries where it is advertised, and then insists', () => {
      const script: Script = [opens(features(STARTTLS, TEMPTING)), exchange([STARTTLS, TLS_FAILURE])];
      const run = new WireRun(script, { options: { credentials, tls: 'preferred' } }).flush(0).check();
      expect(run.outcome).toBe('tls tls-unavailable (starttls)');
      expect(run.sent).toBe(OUR_HEADER + STARTTLS + FOOTER);
    });
  });

  describe('D15: plaintext after <proceed/> (T2)', () => {
    const INJECTED: [string, string][] = [
      ['a space', ' '],
      ['a line feed', '\n'],
      ['half a tag', '<mess'],
      ['a whole stanza', message('injected')],
      ['a header', serverHeader()],
      ['a header and features', serverHeader() + features(mechanisms('PLAIN'))],
      ['the footer', FOOTER],
      ['no XML', '\0\0'],
      ['half a character', '\xc3'],
    ];
    const init: WireInit = { options: { credentials: { password: 'secret', allowPlain: true } } };
    const upToProceed: Script = [opens(features(STARTTLS)), expects(STARTTLS)];

    it.each(INJECTED)('%s in the same segment', (_name, bytes) => {
      const run = new WireRun([upToProceed, reply(PROCEED, Buffer.from(bytes, 'latin1')), handshakes()], init)
        .flush(0)
        .check();
      expect(run.outcome).toBe('tls data-after-proceed (starttls)');
      expect(run.sent).toBe(OUR_HEADER + STARTTLS);
    });

    it.each(INJECTED)('%s, however it is cut', (_name, bytes) => {
      replay(
        () => [upToProceed, reply(PROCEED, Buffer.from(bytes, 'latin1')), handshakes()],
        init,
        (run) => {
          // What comes in a later segment goes to the handshake, which takes it for a record.
          expect(run.outcome).toMatch(/^tls (data-after-proceed \(starttls\)|handshake-failed \(tls\))$/);
          expect(run.sent).toBe(OUR_HEADER + STARTTLS);
        },
        { stride: 3 },
      );
    });

    it('elements that came before <proceed/> and were not asked for are no answer to what comes later', () => {
      // All of it arrives with the features; nothing of it may count on the secured stream.
      const early = `<success xmlns='${NS.sasl}'/>`;
      const run = new WireRun([opens(features(STARTTLS) + early), expects(STARTTLS), mute()], init).flush(0).check();
      expect(run.outcome).toBe('tls tls-unavailable (starttls)');
      expect(run.sent).toBe(OUR_HEADER + STARTTLS + FOOTER);
    });

    it('nothing that was advertised in clear counts over TLS', () => {
      const inClear = features(STARTTLS, mechanisms('PLAIN', 'EXTERNAL'), BIND);
      const script: Script = [
        opens(inClear),
        exchange([STARTTLS, PROCEED]),
        handshakes(),
        opens(features(mechanisms('X-UNKNOWN')), { secure: true }),
      ];
      replay(
        () => script,
        init,
        (run) => {
          expect(run.outcome).toBe('sasl no-mechanism (sasl)');
          expect(run.sent).not.toContain('<auth');
        },
        { stride: 29 },
      );
    });

    it('a character cut in two by TLS is none', () => {
      const script: Script = [
        upToProceed,
        reply(PROCEED),
        handshakes(),
        expects(clientHeader({ secure: true })),
        reply(Buffer.concat([Buffer.from([0xbc]), Buffer.from(serverHeader())])),
        mute(),
      ];
      const run = new WireRun(script, init).flush(0).check();
      expect(run.outcome).toMatch(/^stream (unsupported-encoding|not-well-formed) \(open\) local$/);
    });
  });

  it('secures, authenticates and binds: each SCRAM hash, and the strongest that is offered', () => {
    const offers = [
      ['SHA-1', 'SCRAM-SHA-1'],
      ['SHA-256', 'SCRAM-SHA-256', 'SCRAM-SHA-1'],
      ['SHA-512', 'PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-512', 'SCRAM-SHA-256'],
    ] as const;
    for (const [hash, ...names] of offers) {
      replay(
        () => [
          opens(features(STARTTLS)),
          exchange([STARTTLS, PROCEED]),
          handshakes({ tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' } }),
          opens(features(mechanisms(...names)), { secure: true }),
          scram(hash),
          opens(features(BIND), { secure: true }),
          binds(),
        ],
        { options: { credentials: { password: PASSWORD, allowPlain: true } } },
        (run) => {
          expect(run.outcome).toBe('online');
          expect(run.trace.find(({ type }) => type === 'secured')).toMatchObject({ tls: { protocol: 'TLSv1.3' } });
          expect(run.trace.find(({ type }) => type === 'authenticating')).toMatchObject({ mechanism: `SCRAM-${hash}` });
          run.transport.verify();
        },
        { stride: 17 },
      );
    }
  });

  it('with the password in PLAIN, over TLS and asked for', () => {
    replay(
      () => [
        opens(features(STARTTLS)),
        exchange([STARTTLS, PROCEED]),
        handshakes(),
        opens(features(mechanisms('PLAIN')), { secure: true }),
        auth('PLAIN', `\0alice\0${PASSWORD}`),
        opens(features(BIND), { secure: true }),
        binds(),
      ],
      { options: { credentials: { password: PASSWORD, allowPlain: true } } },
      (run) => {
        expect(run.outcome).toBe('online');
        expect(run.sent).toContain(base64(`\0alice\0${PASSWORD}`));
        run.transport.verify();
      },
      { stride: 17 },
    );
  });

  it('sends what it is given in the order it is given, once secured', () => {
    const run = new WireRun(
      [
        opens(features(STARTTLS)),
        exchange([STARTTLS, PROCEED]),
        handshakes(),
        opens(features(mechanisms('SCRAM-SHA-1')), { secure: true }),
        scram('SHA-1'),
        opens(features(BIND), { secure: true }),
        binds(),
        expects(`<message id='1'/>`),
        expects(`<message id='2'/>`),
      ],
      {
        use: (session) => {
          session.send(xml('message', { id: 1 }));
          session.send(xml('message', { id: 2 }));
        },
      },
    ).flush(0);
    run.transport.verify();
    run.unsubscribe().check();
  });
});
