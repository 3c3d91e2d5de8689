import { anonymous } from '../../lib/sasl/anonymous.js';
import { external } from '../../lib/sasl/external.js';
import type { SaslMechanism } from '../../lib/sasl/mechanism.js';
import { plain } from '../../lib/sasl/plain.js';
import { bytes, errorOf, saslContext, text, valueOf, type ContextInit } from '../support/sasl-context.js';

describe('the mechanisms of a single message', () => {
  it.each<[SaslMechanism, string, ContextInit]>([
    [plain, '\0user\0pencil', {}],
    [plain, '\0juliet\0r0m30', { credentials: { username: 'juliet', password: 'r0m30' } }],
    [plain, 'admin@example.org\0user\0pencil', { credentials: { password: 'pencil', authzid: 'admin@example.org' } }],
    [plain, '\0IX\0a b,c=d', { credentials: { username: 'Ⅸ', password: 'a\u00a0b,c=d' } }],
    [plain, '\0user\0\u{1f511}', { credentials: { password: '\u{1f511}' } }],
    [external, '', {}],
    [external, 'user@example.org', { credentials: { external: true, authzid: 'user@example.org' } }],
    [anonymous, '', { local: undefined, credentials: { anonymous: true } }],
  ])('$name sends %j', (mechanism, message, init) => {
    const exchange = mechanism.start(saslContext(init));
    expect(text(valueOf(exchange.initial()))).toBe(message);
    expect(valueOf(exchange.finish(undefined))).toBeUndefined();
  });

  it.each([plain, external, anonymous])('$name answers no challenge', (mechanism) => {
    for (const challenge of ['', 'password?']) {
      const exchange = mechanism.start(saslContext());
      valueOf(exchange.initial());
      expect(errorOf(exchange.respond(bytes(challenge)))).toMatchObject({
        condition: 'bad-challenge',
        mechanism: mechanism.name,
        text: 'no challenge is due',
      });
    }
  });

  it.each<[string, SaslMechanism, ContextInit]>([
    ['no user name', plain, { local: undefined }],
    ['no password', plain, { credentials: {} }],
    ['an empty password', plain, { credentials: { password: '' } }],
    ['NUL in the password', plain, { credentials: { password: 'a\0b' } }],
    ['NUL in the user name', plain, { credentials: { username: 'a\0b', password: 'x' } }],
    ['NUL in the authorization identity', plain, { credentials: { authzid: 'a\0b', password: 'x' } }],
    ['NUL in the authorization identity', external, { credentials: { authzid: 'a\0b' } }],
    ['half a surrogate pair', plain, { credentials: { password: 'a\ud83d' } }],
  ])('%s: bad-credentials, nothing sent', (_, mechanism, init) => {
    expect(errorOf(mechanism.start(saslContext(init)).initial())).toMatchObject({
      condition: 'bad-credentials',
      mechanism: mechanism.name,
    });
  });
});
