import { from, tap } from 'rxjs';
import type { Crypto } from '../../lib/sasl/crypto.js';
import { scramKeyCache } from '../../lib/sasl/scram-key-cache.js';
import { cut, exchange, mute, reply, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import {
  BIND,
  binds,
  challenge,
  features,
  FOOTER,
  lifetime,
  mechanisms,
  opens,
  PASSWORD,
  saslFailure,
  streamError,
  success,
  turns,
  upTo,
} from '../support/wire.js';
import { replayCrypto, show, watchUnhandled, WireRun } from '../support/wire-run.js';

/** How a thing shows in a log: as it is, in base64 and in hex. */
function spellings(secret: Uint8Array | string): string[] {
  const bytes = Buffer.from(secret);
  const plain = typeof secret === 'string' ? [secret] : [];
  return [...plain, bytes.toString('base64'), bytes.toString('hex'), [...bytes].join(', '), [...bytes].join(',')];
}

/** Notes all that it computes: salted passwords, keys, proofs and signatures. */
function noting(secrets: Set<string>): Crypto {
  const note = (bytes: Uint8Array) => spellings(bytes).forEach((spelling) => secrets.add(spelling));
  return {
    ...replayCrypto,
    digest: (...args) => from(replayCrypto.digest(...args)).pipe(tap(note)),
    hmac: (...args) => from(replayCrypto.hmac(...args)).pipe(tap(note)),
    pbkdf2: (...args) => from(replayCrypto.pbkdf2(...args)).pipe(tap(note)),
  };
}

describe('no secret is told to anybody but the server (A7)', () => {
  watchUnhandled();

  const ends: [string, Script][] = [
    ['silence', [mute()]],
    ['a cut', [cut()]],
    ['a footer', [reply(FOOTER)]],
    ['garbage', [reply('<<')]],
    ['a stream error', [reply(streamError('not-authorized'))]],
    ['a refusal', [reply(saslFailure('not-authorized', 'no'))]],
    ['an empty challenge', [reply(challenge())]],
    ['an early success', [reply(success())]],
  ];
  const rows = turns()
    .filter(({ name }) => name !== 'handshake')
    .flatMap(({ name }) => ends.map(([how, script]) => ({ name, how, script: () => [upTo(name), script] })));

  const expectNone = (run: WireRun, secrets: Set<string>) => {
    const shown = [run.trace, run.error, run.sessions, run.sessions[0]].map(show).join('\n');
    for (const secret of secrets) {
      if (secret.length > 3 && shown.includes(secret)) throw new Error(`it shows ${secret.slice(0, 8)}...`);
    }
  };

  it.each([...rows, { name: 'nothing', how: 'it goes well', script: () => [lifetime()] }])(
    'in place of $name: $how',
    ({ script }) => {
      const secrets = new Set(spellings(PASSWORD));
      const keys = scramKeyCache();
      const run = new WireRun(script(), { options: { crypto: noting(secrets), keys } }).flush();
      expectNone(run, secrets);
      run.unsubscribe();
      expectNone(run, secrets);
      expect(show(keys)).not.toContain(PASSWORD);
    },
  );

  it('not even where the server repeats what it was told', () => {
    const echo = (answer: string): Script => [
      opens(features(mechanisms('PLAIN')), { secure: true }),
      exchange([`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`, answer]),
      opens(features(BIND), { secure: true }),
      binds(),
    ];
    const secrets = new Set([...spellings(PASSWORD), ...spellings(`\0alice\0${PASSWORD}`)]);
    for (const answer of [
      saslFailure('not-authorized', '{data}'),
      saslFailure('not-authorized', PASSWORD.replace('&', '&amp;')),
      challenge('{data}'),
      success('{data}'),
    ]) {
      const run = new WireRun(echo(answer), {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      expect(run.outcome).not.toBe('pending');
      expectNone(run, secrets);
      run.unsubscribe();
    }
  });

  it('and this spec would tell', () => {
    const secrets = new Set(spellings(PASSWORD));
    const run = new WireRun(lifetime());
    run.error = new Error('no', { cause: { nested: [PASSWORD] } });
    expect(() => expectNone(run, secrets)).toThrow('it shows w0nder');
    run.error = Buffer.from(PASSWORD).toString('base64');
    expect(() => expectNone(run, secrets)).toThrow('it shows');
    run.error = undefined;
    run.unsubscribe();
  });
});
