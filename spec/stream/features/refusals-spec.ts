import { concat, NEVER, of, Subject } from 'rxjs';
import type { XmppError } from '../../../lib/errors/index.js';
import type { SaslMechanism } from '../../../lib/sasl/mechanism.js';
import { exchange, expects, mute, reply, type Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import { sessionInit } from '../../support/session-run.js';
import { stubConnection } from '../../support/stub-connection.js';
import {
  ACCOUNT,
  auth,
  base64,
  BIND,
  binds,
  bindResult,
  BOUND,
  challenge,
  features,
  goesOnline,
  hearsBind,
  LEGACY_SESSION,
  mechanisms,
  message,
  OPTIONAL_SESSION,
  opens,
  PASSWORD,
  saslFailure,
  scramExchange,
  serverHeader,
  success,
} from '../../support/wire.js';
import { tag, watchUnhandled, WireRun, type WireInit } from '../../support/wire-run.js';

/** One run, whole: what the features' own specs replay at every cut, for what does not depend on cuts. */
const run = (script: Script, init: WireInit = {}) => new WireRun([script, mute()], sessionInit(init)).flush(0);
const offers = (...names: string[]) => opens(features(mechanisms(...names)), { secure: true });
const failing = (script: Script, init: WireInit = {}) => {
  const { error, ...rest } = run(script, init);
  return { error: error as XmppError & { mechanism?: string }, tag: tag(error), rest };
};

describe('SASL: what a refusal tells people', () => {
  watchUnhandled();

  const refused = (answer: string) => failing([offers('EXTERNAL'), auth('EXTERNAL', '', answer)]).error;

  it.each([
    'not-authorized',
    'account-disabled',
    'credentials-expired',
    'temporary-auth-failure',
    'encryption-required',
    'aborted',
    'invalid-authzid',
    'malformed-request',
    'mechanism-too-weak',
  ])('%s', (condition) => {
    const error = refused(saslFailure(condition));
    expect(error).toMatchObject({ layer: 'sasl', condition, mechanism: 'EXTERNAL' });
    expect(error.text).toMatch(/\w{3}/);
    expect(error.text).not.toContain('(');
    expect(refused(saslFailure(condition, ' so it is\n')).text).toBe(`${error.text} (so it is)`);
  });

  it('says what came in place of an answer', () => {
    const error = refused(`<hello xmlns='urn:example'/>`);
    expect(error.condition).toBe('bad-challenge');
    expect(error.text).toMatch(/hello.*urn:example/);
  });

  it('with the names of the account, which are no secrets', () => {
    const credentials = { external: true, username: 'alice', authzid: ACCOUNT };
    const said = `no certificate of alice is for ${ACCOUNT}`;
    const { error } = failing([offers('EXTERNAL'), auth('EXTERNAL', ACCOUNT, saslFailure('not-authorized', said))], {
      options: { credentials },
    });
    expect(error.text).toContain(said);
  });

  it('but for what repeats a secret', () => {
    const { error } = failing([offers('SCRAM-SHA-256'), expects(/<auth /), reply(`<pencil xmlns='urn:example'/>`)], {
      options: { credentials: { password: 'pencil' } },
    });
    expect(error.condition).toBe('bad-challenge');
    expect(error.text).not.toMatch(/pencil|undefined|urn:example/);
    expect(error.text).not.toContain('  ');
  });

  it('says which element holds no base64', () => {
    const { error } = failing([offers('SCRAM-SHA-256'), expects(/<auth /), reply(challenge('?'))], {
      options: { credentials: { password: PASSWORD } },
    });
    expect(error).toMatchObject({ condition: 'bad-challenge', mechanism: 'SCRAM-SHA-256' });
    expect(error.text).toContain('<challenge/>');
  });

  it('is in time, each step', () => {
    for (const script of [
      [offers('EXTERNAL'), expects(/<auth /)],
      [offers('SCRAM-SHA-256'), expects(/<auth /)],
    ]) {
      const timed = run(script, { options: { credentials: { external: true, password: PASSWORD } } });
      timed.flush();
      expect(tag(timed.error)).toBe('timeout timeout (sasl)');
    }
  });
});

describe('SASL: what a mechanism is given', () => {
  watchUnhandled();

  function exchanged(...steps: string[]) {
    const given: (number[] | undefined)[] = [];
    const note = (data: Uint8Array | undefined) => given.push(data && [...data]);
    const own: SaslMechanism = {
      name: 'X-OWN',
      usable: () => true,
      start: () => ({
        initial: () => of(new Uint8Array()),
        respond: (data) => (note(data), of(new Uint8Array([1]))),
        finish: (data) => (note(data), of(undefined)),
      }),
    };
    const turns = steps.map((step, index): [string, string] => [
      index === 0
        ? `<auth xmlns='${NS.sasl}' mechanism='X-OWN'>=</auth>`
        : `<response xmlns='${NS.sasl}'>AQ==</response>`,
      step,
    ]);
    const { outcome } = run([offers('X-OWN'), exchange(...turns), opens(features(BIND), { secure: true }), binds()], {
      options: { credentials: { mechanisms: [own] } },
    });
    return [outcome, ...given];
  }

  it.each<[string, string, number[] | undefined]>([
    ['data', base64('ab'), [97, 98]],
    ['data within white space', ` ${base64('ab')}\n`, [97, 98]],
    ['empty data', '=', []],
    ['nothing', '', undefined],
    ['white space', ' \n', undefined],
  ])('%s', (_, text, data) => {
    expect(exchanged(challenge(text), success(text))).toEqual(['online', data ?? [], data]);
  });

  it('and has its time to check the success as well', () => {
    const own: SaslMechanism = {
      name: 'X-OWN',
      usable: () => true,
      start: () => ({ initial: () => of(new Uint8Array()), respond: () => of(), finish: () => NEVER }),
    };
    const timed = run([offers('X-OWN'), auth('X-OWN', '')], { options: { credentials: { mechanisms: [own] } } });
    timed.flush();
    expect(tag(timed.error)).toBe('timeout timeout (sasl)');
  });

  it('and is tried again once, whatever it asks for', () => {
    const own: SaslMechanism = {
      name: 'X-OWN',
      usable: () => true,
      start: () => ({ initial: () => of(new Uint8Array()), respond: () => of(), finish: () => of(undefined) }),
      retry: () => own,
    };
    const refuses = auth('X-OWN', '', saslFailure('not-authorized'));
    const { tag: told, rest } = failing([offers('X-OWN'), refuses, refuses, refuses], {
      options: { credentials: { mechanisms: [own] } },
    });
    expect([told, rest.transport.sent.split('<auth ').length]).toEqual(['sasl not-authorized (sasl)', 3]);
  });

  it('of a list with white space in it', () => {
    const offer = mechanisms('EXTERNAL').replace('EXTERNAL', '\n EXTERNAL ');
    expect(run([opens(features(offer), { secure: true }), auth('EXTERNAL', '')]).outcome).toBe('pending');
  });

  it('begins anew after it, over a stream that is opened again', () => {
    expect(run(goesOnline()).events).toBe(
      'opening opened features authenticating authenticated opening opened features binding bound online',
    );
  });
});

describe('SASL: channel binding', () => {
  watchUnhandled();

  const cb = (...types: (string | undefined)[]) =>
    `<sasl-channel-binding xmlns='${NS.channelBinding}'>${types.map((type) => `<channel-binding${type ? ` type='${type}'` : ''}/>`).join('')}</sasl-channel-binding>`;
  const first = (bindings: string, has: readonly string[], ...names: string[]) => {
    const made = run([opens(features(mechanisms(...names), bindings), { secure: true }), expects(/<auth /)], {
      options: { credentials: { password: PASSWORD } },
      transport: { channelBinding: (type) => (has.includes(type) ? new Uint8Array(32) : undefined) },
    });
    const [, mechanism, data] = /<auth [^>]*mechanism='([^']*)'>([^<]*)</.exec(made.sent)!;
    const header = Buffer.from(data!, 'base64').toString().split(',')[0];
    made.unsubscribe();
    return `${mechanism} ${header}`;
  };
  const BOTH = ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'];

  it.each<[string, string, readonly string[], readonly string[], string]>([
    ['by what both know', cb('tls-exporter'), ['tls-exporter'], BOTH, 'SCRAM-SHA-256-PLUS p=tls-exporter'],
    [
      'the one that the server knows',
      cb(undefined, 'tls-server-end-point'),
      ['tls-exporter', 'tls-server-end-point'],
      BOTH,
      'SCRAM-SHA-256-PLUS p=tls-server-end-point',
    ],
    ['where the server does not say', '', ['tls-exporter'], BOTH, 'SCRAM-SHA-256-PLUS p=tls-exporter'],
    ['none where there is no data', cb('tls-exporter'), [], BOTH, 'SCRAM-SHA-256 n'],
    ['none that is not offered, and we say so', '', ['tls-exporter'], ['SCRAM-SHA-256'], 'SCRAM-SHA-256 y'],
  ])('%s', (_, bindings, has, names, expected) => {
    expect(first(bindings, has, ...names)).toBe(expected);
  });

  it('is none where a transport knows of none', () => {
    const input$ = new Subject<string>();
    const connection = stubConnection(input$, { tls: { protocol: 'TLSv1.3' } });
    const transport = { name: 'stub', connect: () => concat(of(connection), NEVER) };
    const made = run([], { options: { credentials: { password: PASSWORD }, transport } });
    input$.next(serverHeader() + features(mechanisms(...BOTH), cb('tls-exporter')));
    expect(connection.sent).toContain(`mechanism='SCRAM-SHA-256'`);
    made.unsubscribe();
  });

  it('is given up once where the server refuses it without saying what it knows', () => {
    const hears = (name: string) => expects(`<auth xmlns='${NS.sasl}' mechanism='${name}'>*</auth>`);
    const made = failing(
      [
        offers(...BOTH),
        hears('SCRAM-SHA-256-PLUS'),
        reply(saslFailure('not-authorized')),
        hears('SCRAM-SHA-256'),
        reply(saslFailure('not-authorized')),
      ],
      {
        options: { credentials: { password: PASSWORD } },
        transport: { channelBinding: () => new Uint8Array(32) },
      },
    );
    expect([made.tag, made.error.mechanism]).toEqual(['sasl not-authorized (sasl)', 'SCRAM-SHA-256']);
  });
});

describe('SASL: channel binding that is refused after a challenge', () => {
  watchUnhandled();

  it('is not given up: by then the server has seen what was bound to', () => {
    const binding = { type: 'tls-exporter', data: new Uint8Array(32) };
    const { hearsAuth, challenges } = scramExchange('SHA-256', { binding });
    const script = [offers('SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'), hearsAuth, challenges(), expects(/<response /)];
    const { error, rest } = failing([...script, reply(saslFailure('not-authorized'))], {
      options: { credentials: { password: PASSWORD } },
      transport: { channelBinding: () => binding.data },
    });
    expect(error).toMatchObject({ condition: 'not-authorized', mechanism: 'SCRAM-SHA-256-PLUS' });
    expect(rest.transport.sent.split('<auth ')).toHaveLength(2);
  });
});

describe('bind, and the session of old', () => {
  watchUnhandled();

  const authenticated = (...advertised: string[]): Script => [
    offers('EXTERNAL'),
    auth('EXTERNAL', ''),
    opens(features(...advertised), { secure: true }),
  ];

  it.each([
    ['a message', `<message type='result' id='{bind}'/>`],
    ['an element of another namespace', `<iq xmlns='urn:example' type='result' id='{bind}'/>`],
    ['an answer to something else', `<iq type='result' id='x{bind}'/>`],
    ['what is of no type that there is', `<iq type='noresult' id='{bind}'/>`],
    ['nor of one that begins so', `<iq type='results' id='{bind}'/>`],
    ['a request', `<iq type='get' id='{bind}'><query xmlns='urn:example'/></iq>`],
  ])('%s is no answer', (_, early) => {
    expect(run([...authenticated(BIND), hearsBind(), reply(early + bindResult())]).outcome).toBe('online');
  });

  it.each([
    ['a bare JID', ACCOUNT],
    ['no JID', 'a@b@c/'],
  ])('%s is told as it is', (_, jid) => {
    const { error } = failing([...authenticated(BIND), hearsBind(), reply(bindResult(jid))]);
    expect(error.text).toContain(jid);
  });

  it('no JID at all', () => {
    const { error } = failing([...authenticated(BIND), hearsBind(), reply(`<iq type='result' id='{bind}'/>`)]);
    expect(error.text).toContain("''");
  });

  it('nothing to bind by is told', () => {
    const { error } = failing(authenticated());
    expect(error).toMatchObject({ condition: 'feature-missing' });
    expect(error.text).toMatch(/binding/);
  });

  it('tells the JID that was bound', () => {
    const made = run(goesOnline());
    expect(made.trace.find(({ type }) => type === 'bound')).toMatchObject({ jid: BOUND });
  });

  it('asks for the session of old only where it is needed', () => {
    const asks = /<session /;
    expect(run([...authenticated(BIND, OPTIONAL_SESSION), binds()]).outcome).toBe('online');
    expect(run([...authenticated(BIND), binds()]).sent).not.toMatch(asks);
    const waits = run([...authenticated(BIND, LEGACY_SESSION), binds(), expects(asks)]);
    waits.flush();
    expect(tag(waits.error)).toBe('timeout timeout (bind)');
  });

  it('answers from somebody else are none', () => {
    const made = run([
      ...authenticated(BIND, LEGACY_SESSION),
      binds(),
      expects(`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`),
      reply(`<iq type='result' id='{session}' from='mallory@example.org'/>${message('hi')}`),
    ]);
    expect(made.outcome).toBe('pending');
    made.unsubscribe();
  });
});

describe('features as they are told', () => {
  watchUnhandled();

  it('are elements, without what is between them, and without what we have sent', () => {
    const offer = `\n${mechanisms('EXTERNAL')}\n<x xmlns='urn:example'/> `;
    const made = run([opens(features(offer), { secure: true })]);
    expect(made.trace.find(({ type }) => type === 'features')).toMatchObject({ names: ['mechanisms', 'x'] });
    made.unsubscribe();
  });

  it('and of these those that would repeat the password are left out', () => {
    const credentials = { password: 'pencil', allowPlain: true };
    const offer = features(BIND, `<pencil xmlns='urn:example'/>`);
    const script = [offers('PLAIN'), auth('PLAIN', '\0alice\0pencil'), opens(offer, { secure: true }), binds()];
    const made = run(script, { options: { credentials } });
    expect(made.trace.flatMap((event) => (event.type === 'features' ? [event.names] : []))).toEqual([
      ['mechanisms'],
      ['bind'],
    ]);
    made.unsubscribe();
  });

  it('with a header that says no more than it has to', () => {
    const made = run([opens(features(), { secure: true, header: serverHeader({ from: null }) })]);
    expect(made.trace.find(({ type }) => type === 'opened')).toMatchObject({ id: 's1', from: undefined });
    made.unsubscribe();
  });

  it('and anything else in their place is named', () => {
    const { error } = failing([opens(`<hello xmlns='urn:example'/>`, { secure: true })]);
    expect(error.text).toMatch(/hello.*urn:example/);
  });
});
