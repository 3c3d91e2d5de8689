import { inspect } from 'node:util';
import { from, of, tap } from 'rxjs';
import type { Crypto } from '../../lib/crypto/crypto.js';
import type { SaslExchange } from '../../lib/sasl/mechanism.js';
import { plain } from '../../lib/sasl/plain.js';
import { scramKeyCache } from '../../lib/sasl/scram-key-cache.js';
import { scram } from '../../lib/sasl/scram.js';
import { defaultMechanisms } from '../../lib/sasl/select-mechanism.js';
import { bytes, saslContext, text, valueOf } from '../support/sasl-context.js';
import { ScramServer } from '../support/scram-server.js';
import { syncCrypto } from '../support/sync-crypto.js';

const password = 'c0rrect-h0rse';

/** All that an observer of a program's output may see of a thing. */
function shown(thing: unknown): string {
  const deep = {
    depth: Infinity,
    showHidden: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    getters: true,
  };
  const parts = [inspect(thing), inspect(thing, deep), JSON.stringify(thing), String(thing)];
  if (thing instanceof Error) parts.push(thing.message, thing.stack ?? '', shown(thing.cause ?? ''));
  return parts.join('\n');
}

/** A crypto port that notes every key, salted password and signature, in the spellings in which they would show. */
function noting(secrets: Set<string>): Crypto {
  const crypto = syncCrypto();
  const note = (bytes: Uint8Array) => {
    const buffer = Buffer.from(bytes);
    for (const spelling of ['base64', 'hex', 'latin1'] as const) secrets.add(buffer.toString(spelling));
    secrets.add([...buffer].join(', ').slice(0, 30)).add([...buffer].join(',').slice(0, 30));
    secrets.add(
      buffer
        .toString('hex')
        .replace(/..(?=.)/g, '$& ')
        .slice(0, 30),
    );
  };
  return {
    ...crypto,
    digest: (...args) => from(crypto.digest(...args)).pipe(tap(note)),
    hmac: (...args) => from(crypto.hmac(...args)).pipe(tap(note)),
    pbkdf2: (...args) => from(crypto.pbkdf2(...args)).pipe(tap(note)),
  };
}

describe('secrets (A7)', () => {
  const secrets = new Set<string>();
  const seen: unknown[] = [];

  const attempt = (step: () => unknown) => {
    try {
      return (seen.push(step()), seen.at(-1));
    } catch (error) {
      seen.push(error);
      return error;
    }
  };

  /** Runs an exchange with the given last word, looking at it after every step, and at every error. */
  const exchanged = (serverSays: {
    first?: (first: string) => string;
    final?: (final: string, proof: string) => string;
  }) => {
    const keys = scramKeyCache();
    const context = saslContext({ credentials: { password }, crypto: noting(secrets), keys });
    const server = new ScramServer({ hash: 'SHA-256', username: 'user', password });
    const exchange: SaslExchange = scram('SHA-256').start(context);
    const look = () => seen.push(shown(exchange), shown(keys));
    look();
    const first = server.first(text(valueOf(exchange.initial()))!);
    look();
    try {
      const reply = text(valueOf(exchange.respond(bytes(serverSays.first?.(first) ?? first))))!;
      look();
      const proof = /p=(.*)$/.exec(reply)![1];
      secrets.add(proof);
      const final = server.final(reply);
      const last = bytes(serverSays.final?.(final, proof) ?? final);
      attempt(() => valueOf(exchange.finish(last)));
    } catch (error) {
      seen.push(error);
    }
    look();
    attempt(() => valueOf(exchange.respond(bytes(first))));
  };

  exchanged({});
  for (const first of ['r=x', 'e=other-error', `i=${password}`, '']) exchanged({ first: () => first });
  for (const i of [1, 1e12]) exchanged({ first: (first) => first.replace(/i=\d+/, `i=${i}`) });
  exchanged({ first: (first) => `${first},h=AAAA` });
  exchanged({ final: () => '' });
  exchanged({ final: () => 'v=AAAA' });
  // A server that says what it knows, or what it was just told.
  exchanged({ final: () => `e=${password}` });
  exchanged({ final: (_, proof) => `e=${proof}` });
  exchanged({ final: (_, proof) => `v=${proof}` });

  for (const bad of [`${password}\u0007`, `${password}\ud83d`, `א${password}`]) {
    for (const mechanism of [...defaultMechanisms, plain]) {
      const context = saslContext({ credentials: { password: bad, username: 'user', allowPlain: true } });
      const exchange = mechanism.start(context);
      seen.push(mechanism, exchange);
      attempt(() => valueOf(exchange.initial()));
      attempt(() => valueOf(exchange.respond(new Uint8Array())));
      attempt(() => valueOf(exchange.finish(undefined)));
    }
  }
  const leaking: Crypto = {
    ...syncCrypto(),
    pbkdf2: (_, key) =>
      of(key).pipe(
        tap(() => {
          throw new Error(`cannot use ${Buffer.from(key).toString()}`);
        }),
      ),
  };
  const failing = scram('SHA-256').start(saslContext({ credentials: { password }, crypto: leaking }));
  const challenge = new ScramServer({ hash: 'SHA-256', username: 'user', password }).first(
    text(valueOf(failing.initial()))!,
  );
  attempt(() => valueOf(failing.respond(bytes(challenge))));

  it('were there to be found', () => {
    expect(secrets.size).toBeGreaterThan(100);
    expect(seen.length).toBeGreaterThan(100);
    expect(seen.filter((thing) => thing instanceof Error).length).toBeGreaterThan(20);
  });

  it('stand in no exchange, cache, mechanism or error', () => {
    for (const thing of seen) {
      // What PLAIN sends is what it is for.
      if (thing instanceof Uint8Array) continue;
      const output = typeof thing === 'string' ? thing : shown(thing);
      expect(output).not.toContain(password);
      for (const secret of secrets) if (output.includes(secret)) throw new Error(`a secret stands in ${output}`);
    }
  });
});
