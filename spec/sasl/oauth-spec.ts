import { EMPTY, NEVER, of, throwError } from 'rxjs';
import { oauthBearer, xOauth2, type TokenSupplier } from '../../lib/sasl/oauth.js';
import { expects, mute, reply, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import {
  ACCOUNT,
  auth,
  base64,
  BIND,
  binds,
  challenge,
  features,
  FOOTER,
  mechanisms,
  opens,
  saslFailure,
} from '../support/wire.js';
import { errorOf, saslContext, text, valueOf } from '../support/sasl-context.js';
import { replay, show, watchUnhandled, WireRun, type WireInit } from '../support/wire-run.js';

const TOKEN = 'mF_9.B5f-4.1JqM';
const MESSAGE = (token: string) => `n,a=${ACCOUNT},\x01auth=Bearer ${token}\x01\x01`;
const invalid = challenge(base64('{"status":"invalid_token"}'));
const dummy = expects(`<response xmlns='${NS.sasl}'>AQ==</response>`);
const init = (supplier: TokenSupplier, make = oauthBearer): WireInit => ({
  options: { credentials: { mechanisms: [make(supplier)] } },
  transport: { tls: true },
});
const offering = (...then: Script): Script => [
  opens(features(mechanisms('PLAIN', 'X-OAUTH2', 'OAUTHBEARER')), { secure: true }),
  then,
];
const online = (): Script => [opens(features(BIND), { secure: true }), binds()];
const once = (script: Script, supplier: TokenSupplier, make = oauthBearer) =>
  new WireRun(script, init(supplier, make)).flush();

describe('OAuth', () => {
  watchUnhandled();

  it('OAUTHBEARER (RFC 7628)', () => {
    replay(
      () => [offering(auth('OAUTHBEARER', MESSAGE(TOKEN))), online()],
      init(() => of(TOKEN)),
      (run) => {
        expect(run.outcome).toBe('online');
        expect(run.trace.some(({ type }) => type === 'authenticated')).toBe(true);
      },
      { stride: 17 },
    );
  });

  it('X-OAUTH2', () => {
    const run = once([offering(auth('X-OAUTH2', `\0alice\0${TOKEN}`)), online()], () => [TOKEN], xOauth2);
    expect(run.outcome).toBe('online');
    run.unsubscribe().check();
  });

  it.each([
    [
      'OAUTHBEARER',
      oauthBearer,
      (token: string) => auth('OAUTHBEARER', MESSAGE(token), invalid),
      [dummy, reply(saslFailure('not-authorized'))],
    ],
    [
      'X-OAUTH2',
      xOauth2,
      (token: string) => auth('X-OAUTH2', `\0alice\0${token}`, saslFailure('credentials-expired')),
      [],
    ],
  ] as const)(
    '%s: a token that is refused is refreshed, once, on the same stream',
    (name, make, tries, then: Script) => {
      const asked: boolean[] = [];
      const supplier: TokenSupplier = (refused) => {
        asked.push(refused);
        return of(refused ? 'fresh' : 'stale');
      };
      const fresh = name === 'OAUTHBEARER' ? MESSAGE('fresh') : '\0alice\0fresh';
      const run = once([offering(tries('stale'), then, auth(name, fresh)), online()], supplier, make);
      expect([run.outcome, asked, run.transport.connections]).toEqual(['online', [false, true], 1]);
      run.unsubscribe().check();

      const again = once(offering(tries('stale'), then, tries('fresh'), then), supplier, make).check();
      expect(again.outcome).toMatch(/^sasl (not-authorized|credentials-expired) \(sasl\)$/);
      expect(again.sent.endsWith(FOOTER)).toBe(true);
    },
  );

  it('what no fresh token mends is an error at once', () => {
    const run = once(offering(auth('OAUTHBEARER', MESSAGE(TOKEN), saslFailure('account-disabled'))), () =>
      of(TOKEN),
    ).check();
    expect(run.outcome).toBe('sasl account-disabled (sasl)');
  });

  it.each([
    ['an error', () => throwError(() => new Error('x')), 'sasl bad-credentials (sasl)', /failed/],
    ['completion without a token', () => EMPTY, 'sasl bad-credentials (sasl)', /gave no access token/],
    ['silence', () => NEVER, 'timeout timeout (sasl)', /within/],
    ['what is no token', () => of('a\0b'), 'sasl bad-credentials (sasl)', /holds/],
    ['nothing', () => of(''), 'sasl bad-credentials (sasl)', /access token/],
  ])('a supplier that answers with %s', (_name, supplier: TokenSupplier, outcome, words) => {
    for (const make of [oauthBearer, xOauth2]) {
      const run = once(offering(), supplier, make).check();
      expect([run.outcome, run.sent.includes('<auth')]).toEqual([outcome, false]);
      expect(run.error).toMatchObject({ message: expect.stringMatching(words) });
    }
  });

  it('OAUTHBEARER takes what RFC 6750 calls a token, and nothing else', () => {
    const run = once(offering(), () => of('a b')).check();
    expect([run.outcome, run.sent.includes('<auth')]).toEqual(['sasl bad-credentials (sasl)', false]);
  });

  it('X-OAUTH2 without an account has no user name', () => {
    const exchange = xOauth2(() => of(TOKEN)).start(saslContext({ local: undefined, credentials: {} }));
    expect(text(valueOf(exchange.initial()))).toBe(`\0\0${TOKEN}`);
  });

  it('early unsubscribe gives the supplier up', () => {
    const run = new WireRun(
      offering(mute()),
      init(() => NEVER),
    ).flush(10);
    expect(run.outcome).toBe('pending');
    run.unsubscribe().check();
  });

  it('the token stands in no error and no event, even where the server repeats it (A7)', () => {
    for (const make of [oauthBearer, xOauth2]) {
      const name = make === oauthBearer ? 'OAUTHBEARER' : 'X-OAUTH2';
      const message = make === oauthBearer ? MESSAGE(TOKEN) : `\0alice\0${TOKEN}`;
      const echo = saslFailure('account-disabled', `what is ${TOKEN}?`);
      const run = once(offering(auth(name, message, echo)), () => of(TOKEN), make).check();
      expect(show([run.error, run.trace])).not.toContain(TOKEN);
    }
  });

  it('is not used without TLS', () => {
    for (const make of [oauthBearer, xOauth2])
      expect(make(() => of(TOKEN)).usable(saslContext({ secure: false }))).toBe(false);
  });

  it('an authorization identity is escaped; without an account there is none', () => {
    const { start } = oauthBearer(() => of(TOKEN));
    const message = (context: Parameters<typeof saslContext>[0]) =>
      text(valueOf(start(saslContext(context)).initial()));
    expect(message({ credentials: { authzid: 'a=b,c@x' } })).toContain('n,a=a=3Db=2Cc@x,');
    expect(message({ local: undefined, credentials: {} })).toContain('n,,\x01auth');
    expect(
      errorOf(
        xOauth2(() => of('a\0b'))
          .start(saslContext())
          .initial(),
      ),
    ).toMatchObject({ condition: 'bad-credentials' });
  });
});
