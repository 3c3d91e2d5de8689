import { NEVER } from 'rxjs';
import { prepareOptions } from '../../lib/client/options.js';
import { after, cut, expects, mute, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import { authenticates, begins, ClientRun, ENABLE, SM } from '../support/client-run.js';
import { BIND, binds, features, mechanisms, opens, PASSWORD, scram } from '../support/wire.js';
import { sessionInit } from '../support/session-run.js';
import { tag, watchUnhandled, WireRun } from '../support/wire-run.js';

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
