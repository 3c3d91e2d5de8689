import { NEVER, of } from 'rxjs';
import { prepareOptions } from '../../lib/client/options.js';
import { jid } from '../../lib/jid/index.js';
import type { Crypto } from '../../lib/crypto/crypto.js';
import { scramKeyCache } from '../../lib/sasl/scram-key-cache.js';
import type { StreamFeature } from '../../lib/stream/stream-feature.js';
import { after, cut, expects, mute, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import { authenticates, begins, ClientRun, ENABLE, enables, SM } from '../support/client-run.js';
import { BIND, binds, BOUND, features, mechanisms, opens, PASSWORD, scram } from '../support/wire.js';
import { sessionInit } from '../support/session-run.js';
import { replayCrypto, tag, watchUnhandled, WireRun } from '../support/wire-run.js';

const ONCE = `<enable xmlns='${NS.sm}'/>`;
const managed = (): Script => [authenticates(BIND, SM), binds(), expects(/<enable /), mute()];
const asked = (sent: string) => /<enable [^>]*>/.exec(sent)?.[0];

describe('stream management is asked for', () => {
  watchUnhandled();

  it.each<[string, object, string | undefined]>([
    ['to resume, by a client that comes back', {}, ENABLE],
    ['and not where it does not', { reconnect: false }, ONCE],
    ['nor where that is not wanted', { streamManagement: { resume: false } }, ONCE],
    ['for so long', { streamManagement: { max: 60 } }, ENABLE.replace(`resume='true'`, `resume='true' max='60'`)],
    ['for no time where nothing is resumed', { streamManagement: { max: 60, resume: false } }, ONCE],
    ['not at all where it is switched off', { streamManagement: false }, undefined],
  ])('%s', (_, options, enable) => {
    const run = new ClientRun([managed()], { options }).connect().flush(0);
    expect(sorted(asked(run.transport.sent))).toEqual(sorted(enable));
    run.disconnect();
  });

  it('and not to resume by xmppStream, which is one attempt', () => {
    const run = new WireRun(managed(), sessionInit()).flush(0);
    expect(asked(run.sent)).toBe(ONCE);
    run.unsubscribe();
  });

  const sorted = (tagText: string | undefined) => tagText?.split(/[ />]+/).sort();
});

describe('a client whose account was authenticated by something strong', () => {
  watchUnhandled();

  const plainOnly = (): Script => [opens(features(mechanisms('PLAIN')), { secure: true }), mute()];
  const options = {
    credentials: { password: PASSWORD, allowPlain: true },
    reconnect: { backoff: () => 10 },
    streamManagement: false as const,
  };

  it('does not send its password afterwards', () => {
    const strong: Script = [
      opens(features(mechanisms('SCRAM-SHA-256')), { secure: true }),
      scram('SHA-256'),
      opens(features(BIND), { secure: true }),
      binds(),
      after(5),
      cut(),
    ];
    const run = new ClientRun([strong, plainOnly()], { options }).connect().flush(20);
    expect([run.sessions.length, run.end]).toEqual([1, 'sasl no-mechanism (sasl)']);
  });

  it('but may where that was all there ever was', () => {
    const run = new ClientRun([plainOnly()], { options }).connect().flush(0);
    expect(run.transport.sent).toContain(`mechanism='PLAIN'`);
    run.disconnect();
  });
});

describe('the keys of SCRAM', () => {
  watchUnhandled();

  const authenticates256 = (...more: Script): Script => [
    opens(features(mechanisms('SCRAM-SHA-256')), { secure: true }),
    scram('SHA-256'),
    opens(features(BIND), { secure: true }),
    binds(),
    ...more,
  ];

  /** How many keys a client has derived that was online twice. */
  const derived = (options: object) => {
    let count = 0;
    const crypto: Crypto = { ...replayCrypto, pbkdf2: (...args) => (count++, replayCrypto.pbkdf2(...args)) };
    const run = new ClientRun([authenticates256(after(5), cut()), authenticates256(mute())], {
      options: { crypto, reconnect: { backoff: () => 10 }, ...options },
    });
    run.connect().flush(20);
    expect(run.sessions).toHaveLength(2);
    run.disconnect();
    return count;
  };

  it('are derived once, however often a client comes back', () => {
    expect(derived({ credentials: { password: PASSWORD } })).toBe(1);
  });

  it('and by one client, where another is given what it keeps', () => {
    const given = { credentials: { password: PASSWORD }, keys: scramKeyCache() };
    expect([derived(given), derived(given)]).toEqual([1, 0]);
  });
});

describe('a stream feature that binds by itself (XEP-0386, say)', () => {
  watchUnhandled();

  const OWN = `<own xmlns='urn:example'/>`;
  const own: StreamFeature = {
    name: 'own',
    xmlns: 'urn:example',
    parse: (advertised, _stream, { agreed }) => (agreed.authenticated ? advertised : undefined),
    negotiate: () => of({ kind: 'next', agreed: { jid: jid(BOUND) } }),
  };
  const script = (...more: Script): Script => [authenticates(OWN, BIND, SM), ...more];

  it('is the last word: nothing is bound again, or resumed after it', () => {
    const run = new ClientRun([script(enables(), after(5), cut()), script(enables(), mute())], {
      options: { features: [own], reconnect: { backoff: () => 10 } },
    });
    run.connect().flush(20);
    expect([run.status.kind, run.sessions.map(({ resumed }) => resumed)]).toEqual(['online', [false, false]]);
    expect(run.transport.sent).not.toMatch(/<bind |<resume /);
    run.disconnect();
  });
});

describe('the deadline of an attempt', () => {
  watchUnhandled();

  it.each<[string, Script, string]>([
    ['opening', [mute()], 'open'],
    ['SASL', [opens(features(mechanisms('EXTERNAL')), { secure: true }), expects(/<auth /), mute()], 'sasl'],
    ['bind', [authenticates(BIND), expects(/<iq /), mute()], 'bind'],
  ])('names the phase that it comes in: %s', (_, script, phase) => {
    const timeouts = { deadline: 70 };
    const stream = new WireRun(script, sessionInit({ options: { timeouts } })).flush();
    expect(tag(stream.error)).toBe(`timeout deadline (${phase})`);
    const client = new ClientRun([script], { options: { timeouts, reconnect: false } }).connect().flush();
    expect([client.end, client.scheduler.now()]).toEqual([`timeout deadline (${phase})`, 70]);
  });

  it('is none once online', () => {
    const run = new ClientRun([begins(mute())], { options: { timeouts: { deadline: 70 } } }).connect().flush(1_000);
    expect(run.status.kind).toBe('online');
    run.disconnect();
  });
});

describe('how long a bound may be', () => {
  const prepared = (options: object) =>
    prepareOptions({
      jid: 'a@b',
      credentials: { password: 'p' },
      transport: { name: '', connect: () => NEVER },
      ...options,
    });

  it('is what timers can hold', () => {
    expect(prepared({ timeouts: { open: 2 ** 31 - 1 } }).timeouts.open).toBe(2 ** 31 - 1);
  });

  it.each([
    [{ keepAlive: { idle: 5 } }, { idle: 5 }],
    [{ keepAlive: false }, { idle: Infinity }],
  ])('%j', (options, expected) => {
    expect(prepared(options).keepAlive).toEqual(expected);
  });
});
