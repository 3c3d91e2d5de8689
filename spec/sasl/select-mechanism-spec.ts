import { SaslError } from '../../lib/errors/index.js';
import type { SaslMechanism } from '../../lib/sasl/mechanism.js';
import { noMechanismError } from '../../lib/sasl/no-mechanism-error.js';
import { plain } from '../../lib/sasl/plain.js';
import { scram } from '../../lib/sasl/scram.js';
import { defaultMechanisms, fallbackMechanism, selectMechanism } from '../../lib/sasl/select-mechanism.js';
import { saslContext, type ContextInit } from '../support/sasl-context.js';

const exporter = { 'tls-exporter': new Uint8Array(32) };
const everything = [
  'ANONYMOUS',
  'PLAIN',
  'EXTERNAL',
  'SCRAM-SHA-1',
  'SCRAM-SHA-1-PLUS',
  'SCRAM-SHA-256',
  'SCRAM-SHA-256-PLUS',
  'SCRAM-SHA-512',
  'SCRAM-SHA-512-PLUS',
  'X-OAUTH2',
];
const password = 'pencil';
const withPlain = { password, allowPlain: true };

describe('selectMechanism', () => {
  it('knows this order', () => {
    expect(defaultMechanisms.map(({ name }) => name)).toEqual([
      'SCRAM-SHA-512-PLUS',
      'SCRAM-SHA-256-PLUS',
      'SCRAM-SHA-1-PLUS',
      'SCRAM-SHA-512',
      'SCRAM-SHA-256',
      'SCRAM-SHA-1',
      'EXTERNAL',
      'PLAIN',
      'ANONYMOUS',
    ]);
  });

  it.each<[string | undefined, string, ContextInit]>([
    ['SCRAM-SHA-512-PLUS', 'everything offered, and a binding', { offered: everything, bindings: exporter }],
    ['SCRAM-SHA-512-PLUS', 'in whatever order', { offered: [...everything].reverse(), bindings: exporter }],
    ['SCRAM-SHA-512', 'everything offered, no binding (WebSocket)', { offered: everything }],
    [
      'SCRAM-SHA-512',
      'no type in common',
      { offered: everything, bindings: exporter, offeredBindings: ['tls-unique'] },
    ],
    ['SCRAM-SHA-512', 'no TLS', { offered: everything, bindings: exporter, secure: false }],
    [
      'SCRAM-SHA-1-PLUS',
      'binding before a better hash',
      { offered: ['SCRAM-SHA-512', 'SCRAM-SHA-1-PLUS'], bindings: exporter },
    ],
    ['SCRAM-SHA-256', 'the best hash', { offered: ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'PLAIN'] }],
    ['SCRAM-SHA-1', 'before PLAIN', { offered: ['PLAIN', 'SCRAM-SHA-1'], credentials: withPlain }],
    ['SCRAM-SHA-1', 'in clear too: the TLS policy is not for a mechanism', { offered: ['SCRAM-SHA-1'], secure: false }],
    [undefined, 'PLUS only, no binding', { offered: ['SCRAM-SHA-256-PLUS'] }],
    ['PLAIN', 'PLAIN only, allowed', { offered: ['PLAIN'], credentials: withPlain }],
    ['PLAIN', 'known to have used PLAIN', { offered: ['PLAIN'], credentials: withPlain, minimum: 'PLAIN' }],
    [undefined, 'PLAIN only (A1: stripped)', { offered: ['PLAIN'] }],
    [undefined, 'PLAIN only, not allowed', { offered: ['PLAIN'], credentials: { password, allowPlain: false } }],
    [undefined, 'PLAIN without TLS', { offered: ['PLAIN'], credentials: withPlain, secure: false }],
    [undefined, 'pinned by SCRAM', { offered: ['PLAIN'], credentials: withPlain, minimum: 'SCRAM-SHA-1' }],
    [undefined, 'pinned by EXTERNAL', { offered: ['PLAIN'], credentials: withPlain, minimum: 'EXTERNAL' }],
    ['SCRAM-SHA-1', 'another SCRAM than before', { offered: ['SCRAM-SHA-1'], minimum: 'SCRAM-SHA-512-PLUS' }],
    [undefined, 'PLAIN without user name', { offered: ['PLAIN'], credentials: withPlain, local: undefined }],
    [undefined, 'PLAIN without password', { offered: ['PLAIN'], credentials: { allowPlain: true } }],
    [undefined, 'nothing offered', { offered: [] }],
    [undefined, 'unknown ones only', { offered: ['X-OAUTH2', 'GSSAPI', 'DIGEST-MD5'] }],
    [undefined, 'names in small letters', { offered: ['scram-sha-1', 'plain'], credentials: withPlain }],
    [undefined, 'no password', { offered: everything, credentials: {} }],
    [undefined, 'no user name', { offered: everything, local: undefined }],
    [
      'SCRAM-SHA-512',
      'a user name, no local part',
      { offered: everything, local: undefined, credentials: { username: 'u', password } },
    ],
    ['ANONYMOUS', 'anonymous', { offered: everything, local: undefined, credentials: { anonymous: true } }],
    [undefined, 'anonymous, not offered', { offered: ['PLAIN'], local: undefined, credentials: { anonymous: true } }],
    ['EXTERNAL', 'external', { offered: everything, credentials: { external: true } }],
    [undefined, 'external without TLS', { offered: everything, credentials: { external: true }, secure: false }],
    [
      'EXTERNAL',
      'external before PLAIN',
      { offered: ['PLAIN', 'EXTERNAL'], credentials: { ...withPlain, external: true } },
    ],
    ['PLAIN', 'external not asked for', { offered: ['PLAIN', 'EXTERNAL'], credentials: withPlain }],
    [
      'SCRAM-SHA-1',
      'a preference',
      { offered: everything, credentials: { password, mechanisms: [scram('SHA-1'), scram('SHA-512')] } },
    ],
    [
      undefined,
      'a preference not offered',
      { offered: ['SCRAM-SHA-1'], credentials: { password, mechanisms: [scram('SHA-512')] } },
    ],
    [undefined, 'no preference at all', { offered: everything, credentials: { password, mechanisms: [] } }],
  ])('%s: %s', (name, _, init) => expect(selectMechanism(saslContext(init))?.name).toBe(name));

  it('takes a mechanism from outside, asked as an object, and only where it is offered', () => {
    class Token implements SaslMechanism {
      readonly name = 'X-TOKEN';
      readonly asked: string[] = [];
      usable() {
        this.asked.push(this.name);
        return true;
      }
      start(): never {
        throw new Error('not started here');
      }
    }
    const token = new Token();
    const credentials = { mechanisms: [token] };
    expect(selectMechanism(saslContext({ credentials }))).toBeUndefined();
    expect(token.asked).toEqual([]);
    expect(selectMechanism(saslContext({ credentials, offered: ['X-TOKEN'] }))).toBe(token);
  });
});

describe('fallbackMechanism', () => {
  const offered = ['SCRAM-SHA-1', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256', 'PLAIN'];
  const plus = scram('SHA-1', { plus: true });
  const refusal = { condition: 'not-authorized', challenged: false };

  it.each<[string | undefined, string, ContextInit, SaslMechanism, typeof refusal]>([
    ['SCRAM-SHA-1', 'the same hash', {}, plus, refusal],
    ['SCRAM-SHA-1', 'an empty list of types says nothing', { offeredBindings: [] }, plus, refusal],
    ['SCRAM-SHA-1', 'malformed-request', {}, plus, { ...refusal, condition: 'malformed-request' }],
    ['SCRAM-SHA-1', 'invalid-mechanism', {}, plus, { ...refusal, condition: 'invalid-mechanism' }],
    [undefined, 'the server had challenged: it saw our binding', {}, plus, { ...refusal, challenged: true }],
    [undefined, 'the server said that it can', { offeredBindings: ['tls-exporter'] }, plus, refusal],
    [undefined, 'a refusal of the account', {}, plus, { ...refusal, condition: 'account-disabled' }],
    [undefined, 'a passing fault', {}, plus, { ...refusal, condition: 'temporary-auth-failure' }],
    [
      undefined,
      'not offered without',
      { offered: ['SCRAM-SHA-1-PLUS', 'PLAIN'], credentials: withPlain },
      plus,
      refusal,
    ],
    [undefined, 'not among the preferred', { credentials: { password, mechanisms: [plus] } }, plus, refusal],
    [undefined, 'no way down from what is not PLUS', { credentials: withPlain }, scram('SHA-1'), refusal],
  ])('%s: %s', (name, _, init, refused, refusal) => {
    const context = saslContext({ offered, bindings: exporter, ...init });
    expect(fallbackMechanism(context, refused, refusal)?.name).toBe(name);
  });
});

describe('noMechanismError', () => {
  /** By a password. */
  const USABLE = 'SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1';

  it.each<[string, ContextInit]>([
    ['the server offers PLAIN; PLAIN needs credentials.allowPlain', { offered: ['PLAIN'] }],
    [
      'the server offers SCRAM-SHA-1; SCRAM-SHA-1 needs credentials.password',
      { offered: ['SCRAM-SHA-1'], credentials: {} },
    ],
    ['the server offers EXTERNAL; EXTERNAL needs credentials.external', { offered: ['EXTERNAL'], secure: false }],
    ['the server offers PLAIN; PLAIN needs TLS', { offered: ['PLAIN'], credentials: withPlain, secure: false }],
    [
      'the server offers PLAIN; PLAIN needs an account that never used SCRAM-SHA-1',
      { offered: ['PLAIN'], credentials: withPlain, minimum: 'SCRAM-SHA-1' },
    ],
    [`the server offers no SASL mechanism; usable: ${USABLE}`, { offered: [] }],
    [`the server offers DIGEST-MD5, GSSAPI; usable: ${USABLE}`, { offered: ['DIGEST-MD5', 'GSSAPI'] }],
    ['the server offers SCRAM-SHA-1-PLUS; SCRAM-SHA-1-PLUS needs channel binding', { offered: ['SCRAM-SHA-1-PLUS'] }],
    [
      'the server offers SCRAM-SHA-1, PLAIN; SCRAM-SHA-1 needs credentials.password, PLAIN needs credentials.allowPlain',
      { offered: ['SCRAM-SHA-1', 'PLAIN'], credentials: {} },
    ],
    [
      'the server offers SCRAM-SHA-1; SCRAM-SHA-1 needs credentials.username',
      { offered: ['SCRAM-SHA-1'], local: undefined },
    ],
    ['the server offers ANONYMOUS; ANONYMOUS needs credentials.anonymous', { offered: ['ANONYMOUS'], credentials: {} }],
    ['the server offers EXTERNAL; EXTERNAL needs credentials.external', { offered: ['EXTERNAL'], credentials: {} }],
    ['the server offers GSSAPI; usable: none', { offered: ['GSSAPI'], credentials: {} }],
    [`the server offers GSSAPI; usable: ${USABLE}, PLAIN`, { offered: ['GSSAPI'], credentials: withPlain }],
    [
      'the server offers PLAIN; PLAIN needs credentials.allowPlain',
      { offered: ['PLAIN'], credentials: { anonymous: true } },
    ],
    [
      'the server offers PLAIN; PLAIN needs credentials.allowPlain',
      { offered: ['PLAIN'], credentials: { external: true } },
    ],
    [
      'the server offers EXTERNAL; EXTERNAL needs TLS',
      { offered: ['EXTERNAL'], credentials: { external: true }, secure: false },
    ],
    [
      'the server offers SCRAM-SHA-1, PLAIN; PLAIN needs credentials.allowPlain',
      { offered: ['SCRAM-SHA-1', 'PLAIN'], credentials: { password, mechanisms: [plain] } },
    ],
    [
      'the server offers X-OWN; X-OWN needs other credentials',
      { offered: ['X-OWN'], credentials: { password, mechanisms: [{ ...plain, name: 'X-OWN', needs: undefined }] } },
    ],
    [
      'the server offers SCRAM-SHA-1; usable: SCRAM-SHA-512',
      { offered: ['SCRAM-SHA-1'], credentials: { password, mechanisms: [scram('SHA-512')] } },
    ],
    [
      'the server offers PLAIN; PLAIN needs credentials.password',
      { offered: ['PLAIN'], credentials: { allowPlain: true } },
    ],
    [
      'the server offers SCRAM-SHA-1; usable: SCRAM-SHA-512, SCRAM-SHA-256',
      { offered: ['SCRAM-SHA-1'], credentials: { password, mechanisms: [scram('SHA-512'), scram('SHA-256')] } },
    ],
    [
      'the server offers SCRAM-SHA-1; usable: none',
      { offered: ['SCRAM-SHA-1'], credentials: { password, mechanisms: [] } },
    ],
    [
      'the server offers PLAIN; PLAIN needs credentials.allowPlain',
      { offered: ['PLAIN'], credentials: { external: true, password } },
    ],
    [
      'the server offers PLAIN; PLAIN needs other credentials',
      { offered: ['PLAIN'], credentials: { ...withPlain, mechanisms: [{ ...plain, usable: () => false }] } },
    ],
    [`the server offers SCRAM-SHA3-512; usable: ${USABLE}`, { offered: ['SCRAM-SHA3-512'] }],
    [`the server offers GS2-KRB5-PLUS; usable: ${USABLE}`, { offered: ['GS2-KRB5-PLUS'] }],
    [`the server offers no SASL mechanism; usable: ${USABLE}`, { offered: ['\u001b[31mred'] }],
  ])('%s', (text, init) => {
    const context = saslContext(init);
    // The sentence is true only where nothing can be selected.
    expect(selectMechanism(context)).toBeUndefined();
    const error = noMechanismError(context);
    expect(error).toBeInstanceOf(SaslError);
    expect(error).toMatchObject({ condition: 'no-mechanism', phase: 'sasl', retryable: false, text });
  });

  it('stays short whatever the server offers', () => {
    const offered = Array.from({ length: 10_000 }, (_, i) => `X-${i}`);
    expect(noMechanismError(saslContext({ offered })).message.length).toBeLessThan(300);
  });
});
