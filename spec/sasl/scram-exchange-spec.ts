import { saslprep as oracle } from '@mongodb-js/saslprep';
import fc from 'fast-check';
import { defer, delay, from, map, NEVER, type ObservableInput } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { SaslError } from '../../lib/errors/index.js';
import type { Crypto, HashName } from '../../lib/crypto/crypto.js';
import type { SaslExchange } from '../../lib/sasl/mechanism.js';
import { scramKeyCache } from '../../lib/sasl/scram-key-cache.js';
import { saslprep } from '../../lib/sasl/saslprep.js';
import { scram } from '../../lib/sasl/scram.js';
import { bytes, errorOf, saslContext, text, valueOf, type ContextInit } from '../support/sasl-context.js';
import { ScramServer, type ScramServerConfig } from '../support/scram-server.js';
import { syncCrypto } from '../support/sync-crypto.js';

const hashes: HashName[] = ['SHA-1', 'SHA-256', 'SHA-512'];
const exporter = { type: 'tls-exporter', data: new Uint8Array(32).fill(7) };
const plusOffer = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];

interface Run extends Partial<ScramServerConfig> {
  readonly plus?: boolean;
  readonly context?: ContextInit;
  readonly lastAs?: 'success' | 'challenge';
}

/** A whole exchange against the server; throws what either side throws. */
function run({ plus, context, lastAs = 'success', ...config }: Run = {}): ScramServer {
  const server = new ScramServer({ hash: 'SHA-256', username: 'user', password: 'pencil', ...config });
  const exchange = scram(config.hash ?? 'SHA-256', { plus }).start(saslContext(context));
  const first = server.first(text(valueOf(exchange.initial()))!);
  const last = bytes(server.final(text(valueOf(exchange.respond(bytes(first))))!));
  if (lastAs === 'challenge') valueOf(exchange.respond(last));
  valueOf(exchange.finish(lastAs === 'challenge' ? undefined : last));
  return server;
}

/** The prepared form that two implementations of SASLprep agree on; `undefined` where they do not. */
function agreed(value: string): string | undefined {
  const attempt = (prepare: () => string) => {
    try {
      return prepare();
    } catch {
      return '';
    }
  };
  const ours = attempt(() => saslprep(value, 'text', 'PLAIN'));
  return ours === attempt(() => oracle(value, { allowUnassigned: true })) ? ours : undefined;
}

describe('a SCRAM exchange with a server that keeps the rules', () => {
  it.each(hashes)('%s: succeeds, whichever way the signature comes', (hash) => {
    expect([scram(hash).name, scram(hash, { plus: true }).name]).toEqual([`SCRAM-${hash}`, `SCRAM-${hash}-PLUS`]);
    run({ hash });
    run({ hash, lastAs: 'challenge' });
    run({ hash, plus: true, binding: exporter, context: { bindings: { 'tls-exporter': exporter.data } } });
  });

  it('with any user name, authorization identity and password', () => {
    const value = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('=', ',', '2C', '3D', 'n=', 'a', 'é', 'ﬀ', '\u00ad', ' ', 'א', '1') }),
    );
    fc.assert(
      fc.property(
        value,
        value,
        value,
        fc.constantFrom(...hashes),
        fc.boolean(),
        (name, password, authzid, hash, plus) => {
          const username = agreed(name);
          const key = agreed(password);
          fc.pre(username !== undefined && key !== undefined && !authzid.includes('\0'));
          const attempt = () =>
            run({
              hash,
              plus,
              username,
              password: key,
              iterations: 16,
              binding: plus ? exporter : undefined,
              context: {
                credentials: { username: name, password, authzid },
                iterations: { min: 16, max: 16 },
                bindings: plus ? { 'tls-exporter': exporter.data } : {},
              },
            });
          if (username === '' || key === '') expect(attempt).toThrow(/^bad-credentials/);
          else expect(attempt().authzid).toBe(authzid || undefined);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('prepares what is equivalent to the same', () => {
    run({ username: 'IX', password: 'ffa', context: { credentials: { username: 'I\u00adX', password: 'ﬀª' } } });
  });

  it.each([
    ['a wrong password', { password: 'pen' }, 'invalid-proof'],
    ['a password in other letters', { password: 'Pencil' }, 'invalid-proof'],
    ['an unknown user', { username: 'juliet' }, 'unknown-user'],
  ])('%s is for the server to refuse', (_, config, value) => {
    expect(() => run(config)).toThrow(value);
  });

  it.each<[string, ContextInit, RegExp]>([
    ['no user name', { local: undefined }, /no user name/],
    ['an empty user name', { credentials: { username: '', password: 'x' } }, /no user name/],
    ['a user name of nothing visible', { credentials: { username: '\u00ad', password: 'x' } }, /no user name/],
    [
      'a user name with a control character',
      { credentials: { username: 'a\u0007', password: 'x' } },
      /user name holds/,
    ],
    ['an authorization identity with NUL', { credentials: { authzid: 'a\0b', password: 'x' } }, /identity holds/],
    [
      'an authorization identity with half a character',
      { credentials: { authzid: 'a\ud83d', password: 'x' } },
      /identity holds/,
    ],
  ])('%s: bad-credentials, nothing sent, and it says so', (_, init, text) => {
    expect(errorOf(scram('SHA-1').start(saslContext(init)).initial())).toMatchObject({
      condition: 'bad-credentials',
      text: expect.stringMatching(text),
    });
  });

  it.each([
    ['no password', undefined, /no password/],
    ['an empty password', '', /no password/],
    ['a password of nothing visible', '\u00ad\u200d', /no password/],
    ['a password with a control character', 'a\u0007b', /password holds/],
  ])('%s: bad-credentials, no proof sent, and it says so', (_, password, words) => {
    const exchange = scram('SHA-256').start(saslContext({ credentials: { password } }));
    const first = new ScramServer({ hash: 'SHA-256', username: 'user', password: 'x' }).first(
      text(valueOf(exchange.initial()))!,
    );
    expect(errorOf(exchange.respond(bytes(first)))).toMatchObject({
      condition: 'bad-credentials',
      text: expect.stringMatching(words),
    });
  });

  it('takes a fresh nonce of 24 random bytes each time', () => {
    const nonces = Array.from(
      { length: 50 },
      () => /,r=(.*)$/.exec(text(valueOf(scram('SHA-1').start(saslContext()).initial()))!)![1],
    );
    expect(new Set(nonces).size).toBe(50);
    for (const nonce of nonces) expect(Buffer.from(nonce, 'base64')).toHaveLength(24);
  });
});

describe('the GS2 flag of SCRAM', () => {
  const flagOf = (init: ContextInit, plus = false) =>
    text(valueOf(scram('SHA-256', { plus }).start(saslContext(init)).initial()))!.split(',')[0];
  const data = new Uint8Array(32);
  const both = { 'tls-exporter': data, 'tls-server-end-point': data };
  const noPlus = ['SCRAM-SHA-256'];

  it.each<[string, string, ContextInit]>([
    ['n', 'the connection gives no binding (WebSocket)', { offered: noPlus }],
    ['n', 'nor where the server would bind', { offered: plusOffer }],
    ['y', 'we could bind, and no -PLUS is offered', { offered: noPlus, bindings: both }],
    ['y', 'whatever types are offered', { offered: noPlus, bindings: both, offeredBindings: ['tls-exporter'] }],
    ['n', 'a -PLUS is offered: y would be a lie', { offered: plusOffer, bindings: both }],
    ['n', 'so is one of another hash', { offered: ['SCRAM-SHA-1-PLUS', ...noPlus], bindings: both }],
    ['n', 'no type in common', { offered: plusOffer, bindings: both, offeredBindings: ['tls-unique'] }],
    ['n', 'no TLS, whatever data there is', { offered: noPlus, bindings: both, secure: false }],
    ['n', 'binding data that is empty', { offered: noPlus, bindings: { 'tls-exporter': new Uint8Array() } }],
  ])('%s: %s', (flag, _, init) => expect(flagOf(init)).toBe(flag));

  it.each<[string, string, ContextInit]>([
    ['tls-exporter', 'before the other', { bindings: both }],
    [
      'tls-exporter',
      'where both are offered',
      { bindings: both, offeredBindings: ['tls-server-end-point', 'tls-exporter'] },
    ],
    ['tls-exporter', 'where the list is empty', { bindings: both, offeredBindings: [] }],
    ['tls-server-end-point', 'where only it is offered', { bindings: both, offeredBindings: ['tls-server-end-point'] }],
    ['tls-server-end-point', 'where only it is had', { bindings: { 'tls-server-end-point': data } }],
  ])('p=%s: %s', (type, _, init) => expect(flagOf({ offered: plusOffer, ...init }, true)).toBe(`p=${type}`));

  it.each<[string, ContextInit]>([
    ['no data', {}],
    ['empty data', { bindings: { 'tls-exporter': new Uint8Array() } }],
    ['no TLS', { bindings: both, secure: false }],
    ['no type in common', { bindings: both, offeredBindings: ['tls-unique'] }],
  ])('-PLUS is not usable with %s, and starts nothing', (_, init) => {
    const context = saslContext({ offered: plusOffer, ...init });
    const mechanism = scram('SHA-256', { plus: true });
    expect(mechanism.usable(context)).toBe(false);
    expect(errorOf(mechanism.start(context).initial())).toMatchObject({
      condition: 'no-mechanism',
      text: expect.stringContaining('no channel binding'),
    });
  });

  it('a relay is found out: by -PLUS and, where the list was stripped, by y', () => {
    const relayed = { offered: plusOffer, bindings: { 'tls-exporter': new Uint8Array(32).fill(1) } };
    expect(() => run({ plus: true, binding: exporter, context: relayed })).toThrow('channel-bindings-dont-match');
    expect(() => run({ binding: exporter, context: { ...relayed, offered: noPlus } })).toThrow(
      'server-does-support-channel-binding',
    );
  });
});

describe('SCRAM keys kept', () => {
  const counting = () => {
    const crypto = syncCrypto();
    return { ...crypto, pbkdf2: jest.fn(crypto.pbkdf2) };
  };
  const salt = Buffer.from('salty');

  const credentials = { password: 'pencil' };

  it('save PBKDF2 for the same hash, salt, count and user name', () => {
    const crypto = counting();
    const keys = scramKeyCache();
    for (let i = 0; i < 3; i++) run({ salt, context: { crypto, keys, credentials } });
    expect(crypto.pbkdf2).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Run]>([
    ['salt', { salt: Buffer.from('other') }],
    ['count', { salt, iterations: 5000 }],
    ['hash', { salt, hash: 'SHA-512' }],
    ['user name', { salt, username: 'other', context: { local: 'other' } }],
    ['credentials object', { salt, context: { credentials: { ...credentials } } }],
  ])('are computed anew for another %s', (_, other) => {
    const crypto = counting();
    const keys = scramKeyCache();
    run({ salt, context: { crypto, keys, credentials } });
    run({ ...other, context: { credentials, ...other.context, crypto, keys } });
    expect(crypto.pbkdf2).toHaveBeenCalledTimes(2);
  });

  it('do not authenticate whoever gives another password', () => {
    const keys = scramKeyCache();
    run({ salt, context: { keys, credentials } });
    expect(() => run({ salt, context: { keys, credentials: { password: 'wrong' } } })).toThrow('invalid-proof');
    run({ salt, context: { keys, credentials } });
  });

  it('are those of a password that worked', () => {
    const keys = scramKeyCache();
    const set = jest.spyOn(keys, 'set');
    const mistyped = { password: 'mistyped' };
    expect(() => run({ salt, context: { keys, credentials: mistyped } })).toThrow('invalid-proof');
    expect(set).not.toHaveBeenCalled();
    run({ salt, context: { keys, credentials } });
    expect(set).toHaveBeenCalledTimes(1);
  });

  it('are not computed without a cache to keep them', () => {
    const crypto = counting();
    for (let i = 0; i < 2; i++) run({ salt, context: { crypto } });
    expect(crypto.pbkdf2).toHaveBeenCalledTimes(2);
  });
});

describe('the observables of a SCRAM exchange', () => {
  const server = () => new ScramServer({ hash: 'SHA-256', username: 'user', password: 'pencil' });

  /** Each operation takes the time. */
  const slow = (time: number, log: string[] = []): Crypto => {
    const { randomBytes, ...operations } = syncCrypto();
    const late = Object.entries(operations).map(([name, operation]) => [
      name,
      (...args: never[]) =>
        defer(() => {
          log.push(name);
          return from((operation as (...args: never[]) => ObservableInput<Uint8Array>)(...args)).pipe(delay(time));
        }),
    ]);
    return { randomBytes, ...(Object.fromEntries(late) as Omit<Crypto, 'randomBytes'>) };
  };

  const challenged = (crypto: Crypto): [SaslExchange, Uint8Array] => {
    const exchange = scram('SHA-256').start(saslContext({ crypto }));
    return [exchange, bytes(server().first(text(valueOf(exchange.initial()))!))];
  };

  it('do nothing until subscribed to', () => {
    const randomBytes = jest.fn(() => new Uint8Array(24));
    const exchange = scram('SHA-256').start(saslContext({ crypto: { ...syncCrypto(), randomBytes } }));
    const initial = exchange.initial();
    expect(randomBytes).not.toHaveBeenCalled();
    valueOf(initial);
    expect(randomBytes).toHaveBeenCalledTimes(1);
  });

  it(
    'emit once and complete when all operations have: PBKDF2, two keys at once, the hash, two signatures at once',
    marbles((m) => {
      const [exchange, challenge] = challenged(slow(2));
      const seen = exchange.respond(challenge).pipe(map(() => 'x'));
      m.expect(seen).toBeObservable('--------(x|)');
    }),
  );

  it(
    'stop at unsubscribe: no further operation starts, and the exchange is over',
    marbles((m) => {
      const log: string[] = [];
      const [exchange, challenge] = challenged(slow(2, log));
      m.expect(exchange.respond(challenge).pipe(map(() => 'x')), '---!').toBeObservable('----');
      m.flush();
      expect(log).toEqual(['pbkdf2', 'hmac', 'hmac']);
      expect(errorOf(exchange.respond(challenge))).toMatchObject({ condition: 'bad-challenge' });
      expect(errorOf(exchange.finish(bytes('v=')))).toMatchObject({ condition: 'server-not-authentic' });
    }),
  );

  it('do not take a second challenge while the first is being answered', () => {
    const [exchange, challenge] = challenged({ ...syncCrypto(), pbkdf2: () => NEVER });
    const first = exchange.respond(challenge).subscribe();
    expect(errorOf(exchange.respond(challenge))).toBeInstanceOf(SaslError);
    expect(errorOf(exchange.finish(undefined))).toMatchObject({ condition: 'server-not-authentic' });
    first.unsubscribe();
  });
});
