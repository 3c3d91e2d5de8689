import { inspect } from 'node:util';
import { asyncScheduler, NEVER } from 'rxjs';
import { prepareOptions, type XmppOptions } from '../../lib/client/options.js';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import { webCrypto } from '../../lib/crypto/web-crypto.js';
import { JidError, UsageError, type XmppError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import { DEFAULT_TIMEOUTS } from '../../lib/transport/timeouts.js';
import { tag, watchUnhandled } from '../support/wire-run.js';

const transport = { name: 'never', connect: () => NEVER };
const credentials = { password: 'secret' };
const ALICE: XmppOptions = { jid: 'alice@example.org', credentials, transport };

describe('prepareOptions', () => {
  watchUnhandled();

  it('fills in the defaults', () => {
    expect(prepareOptions(ALICE)).toMatchObject({
      domain: 'example.org',
      asciiDomain: 'example.org',
      resource: undefined,
      credentials,
      transport,
      tls: 'required',
      timeouts: DEFAULT_TIMEOUTS,
      iqTimeout: 30_000,
      iterations: { min: 4_096, max: 1_000_000 },
      features: [],
      scheduler: asyncScheduler,
    });
    expect(prepareOptions(ALICE).lang).toBeUndefined();
    expect(prepareOptions(ALICE).jid?.toString()).toBe('alice@example.org');
  });

  it('computes with what it is given, or with what the transport brings, or with WebCrypto', () => {
    const [own, brought] = [webCrypto(), webCrypto()];
    const bringing = { ...transport, crypto: brought };
    expect(prepareOptions({ ...ALICE, transport: bringing, crypto: own }).crypto).toBe(own);
    expect(prepareOptions({ ...ALICE, transport: bringing }).crypto).toBe(brought);
    expect(Object.keys(prepareOptions(ALICE).crypto)).toEqual(Object.keys(own));
    expect([own, brought]).not.toContain(prepareOptions(ALICE).crypto);
  });

  it.each<[string, XmppOptions, object]>([
    ['a JID that is one already', { ...ALICE, jid: jid('alice@example.org') }, { domain: 'example.org' }],
    [
      'a JID that is to be prepared',
      { ...ALICE, jid: 'ALICE@Example.ORG/Desk' },
      { domain: 'example.org', resource: 'Desk' },
    ],
    [
      'an international domain',
      { ...ALICE, jid: 'alice@büro.example' },
      { domain: 'büro.example', asciiDomain: 'xn--bro-hoa.example' },
    ],
    ['a resource beside the JID', { ...ALICE, jid: 'alice@example.org/a', resource: 'b' }, { resource: 'b' }],
    ['a domain: anonymous', { domain: 'example.org', transport }, { jid: undefined, credentials: { anonymous: true } }],
    [
      'a domain as JID: anonymous',
      { jid: 'example.org', transport },
      { jid: undefined, credentials: { anonymous: true } },
    ],
    ['a JID, and anonymous', { ...ALICE, credentials: { anonymous: true } }, { credentials: { anonymous: true } }],
    ['a certificate alone', { ...ALICE, credentials: { external: true } }, { credentials: { external: true } }],
    ['mechanisms alone', { ...ALICE, credentials: { mechanisms: [] } }, { credentials: { mechanisms: [] } }],
    ['a bound', { ...ALICE, timeouts: { open: 5 } }, { timeouts: { ...DEFAULT_TIMEOUTS, open: 5 } }],
    ['a bound that is undefined', { ...ALICE, timeouts: { open: undefined } }, { timeouts: DEFAULT_TIMEOUTS }],
    ['no bound', { ...ALICE, timeouts: { open: Infinity } }, { timeouts: { open: Infinity } }],
  ])('takes %s', (_name, options, expected) => {
    expect(prepareOptions(options)).toMatchObject(expected);
  });

  it('a password is never exchanged for ANONYMOUS, though the account has no name (A1)', () => {
    const account = { username: 'alice', password: 'secret' };
    const prepared = prepareOptions({ domain: 'example.org', credentials: account, transport });
    expect(prepared.credentials).toEqual(account);
  });

  it('keeps the credentials object, which SCRAM keys are kept by', () => {
    expect(prepareOptions(ALICE).credentials).toBe(credentials);
  });

  const BEYOND = 2 ** 31;
  const wrong: [string, Partial<Record<keyof XmppOptions, unknown>>, string, RegExp][] = [
    ['no JID', { jid: undefined }, 'no-jid', /`jid` is missing/],
    ['a JID and a domain', { domain: 'example.org' }, 'bad-option', /exclude each other/],
    ['a domain that is a JID', { jid: undefined, domain: 'alice@example.org' }, 'bad-option', /domain alone/],
    ['a domain with a resource', { jid: undefined, domain: 'example.org/x' }, 'bad-option', /domain alone/],
    ['no transport', { transport: undefined }, 'no-transport', /tcp\(\)|websocket\(\)/],
    ['a transport that is none', { transport: {} }, 'no-transport', /missing/],
    ['another TLS policy', { tls: 'optional' }, 'bad-option', /'required', 'preferred' or 'disabled'/],
    ['TLS as a boolean', { tls: true }, 'bad-option', /'required'/],
    ['no credentials', { credentials: undefined }, 'no-credentials', /lacks a password/],
    ['a name alone', { credentials: { username: 'alice' } }, 'no-credentials', /lacks a password/],
    [
      'not anonymous, and nothing else',
      { jid: 'example.org', credentials: { anonymous: false } },
      'no-credentials',
      /lacks/,
    ],
    ['a bound of 0', { timeouts: { open: 0 } }, 'bad-option', /`timeouts.open`/],
    ['a bound below 0', { timeouts: { deadline: -1 } }, 'bad-option', /`timeouts.deadline`/],
    ['a bound that is none', { timeouts: { sasl: NaN } }, 'bad-option', /`timeouts.sasl`/],
    [
      'a bound beyond what timers can hold',
      { timeouts: { close: BEYOND } },
      'bad-option',
      /up to 2147483647, or Infinity/,
    ],
    ['an IQ bound that is none', { iqTimeout: 0 }, 'bad-option', /`iqTimeout`/],
    ['an IQ bound beyond what timers can hold', { iqTimeout: BEYOND }, 'bad-option', /`iqTimeout`/],
    ['an idle time of 0', { keepAlive: { idle: 0 } }, 'bad-option', /`keepAlive.idle`/],
    ['a probe bound of 0', { keepAlive: { timeout: 0 } }, 'bad-option', /`keepAlive.timeout`/],
  ];
  it.each(wrong)('rejects %s', (_name, options, condition, text) => {
    let error: unknown;
    try {
      prepareOptions({ ...ALICE, ...options } as XmppOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ condition, retryable: false });
    expect((error as XmppError).text).toMatch(text);
  });

  it.each(['', '@example.org', 'alice@', 'alice@example.org/', 'a b@example.org'])('rejects the JID %j', (wrongJid) => {
    expect(() => prepareOptions({ ...ALICE, jid: wrongJid })).toThrow(JidError);
  });

  it('rejects a resource that is none', () => {
    expect(() => prepareOptions({ ...ALICE, resource: '\u0000' })).toThrow(JidError);
  });
});

describe('options of xmppStream', () => {
  watchUnhandled();

  it('are looked at when subscribed to, and what is wrong is told as an error of the attempt', () => {
    const told: string[] = [];
    const stream = xmppStream({ ...ALICE, jid: '@', trace: ({ type }) => told.push(type) });
    expect(told).toEqual([]);
    let error: unknown;
    stream.subscribe({ error: (thrown: unknown) => (error = thrown) });
    expect(tag(error)).toBe('jid jid-malformed (resolve)');
    expect(told).toEqual(['failed']);
  });

  it('each subscription is an attempt of its own, counted from 1', () => {
    const attempts: number[] = [];
    const stream = xmppStream({ ...ALICE, trace: ({ attempt }) => attempts.push(attempt) });
    for (let count = 0; count < 3; count++) stream.subscribe().unsubscribe();
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('are not shown by the observable (A7)', () => {
    expect(inspect(xmppStream(ALICE), { depth: 10, showHidden: true })).not.toContain('secret');
  });
});
