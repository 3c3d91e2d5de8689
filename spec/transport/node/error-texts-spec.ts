import { StreamError } from '../../../lib/errors/stream-error.js';
import { TransportError } from '../../../lib/errors/transport-error.js';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import { allAddressesFailed, allTargetsFailed } from '../../../lib/transport/node/all-failed.js';
import { closedError, connectError, lossError } from '../../../lib/transport/node/socket-error.js';
import { tlsHandshakeError } from '../../../lib/transport/node/tls-handshake-error.js';

const PEER = 'a.example:5222';
const failure = (code?: string, message = 'boom'): NodeJS.ErrnoException => Object.assign(new Error(message), { code });
const told = ({ layer, condition, phase }: XmppError) => `${layer} ${condition} ${phase ?? '-'}`;

describe('what a connect failed with', () => {
  it.each([
    ['ECONNREFUSED', 'connection-refused', /port/],
    ['EHOSTUNREACH', 'host-unreachable', /address/],
    ['EHOSTDOWN', 'host-unreachable', /down/],
    ['ETIMEDOUT', 'host-unreachable', /firewall/],
    ['ENETUNREACH', 'network-unreachable', /online/],
    ['ENETDOWN', 'network-unreachable', /network/],
    ['EADDRNOTAVAIL', 'network-unreachable', /`localAddress`/],
    ['ECONNRESET', 'connection-reset', /opened/],
    ['EADDRINUSE', 'connection-failed', /`localPort`/],
    ['ENOENT', 'connection-failed', /`path`/],
    ['EACCES', 'connection-failed', /user/],
    ['EPERM', 'connection-failed', /firewall/],
    ['EMFILE', 'connection-failed', /files/],
    ['EOTHER', 'connection-failed', /EOTHER/],
    [undefined, 'connection-failed', /boom/],
  ])('%s', (code, condition, text) => {
    const cause = failure(code);
    const error = connectError(cause, PEER);
    expect(told(error)).toBe(`transport ${condition} connect`);
    expect([error.text.startsWith(`${PEER} `), error.retryable, error.cause]).toEqual([true, true, cause]);
    expect(error.text).toMatch(text);
  });
});

describe('what an open connection was lost with', () => {
  it.each([
    ['ECONNRESET', 'transport connection-reset', /reset/],
    ['ECONNABORTED', 'transport connection-reset', /aborted/],
    ['ETIMEDOUT', 'transport connection-reset', /acknowledged/],
    ['EPIPE', 'transport write-failed', /written/],
    ['EHOSTUNREACH', 'transport host-unreachable', /any more/],
    ['ENETUNREACH', 'transport network-unreachable', /online/],
    ['ENETDOWN', 'transport network-unreachable', /network/],
    ['EOTHER', 'transport connection-failed', /EOTHER/],
    [undefined, 'transport connection-failed', /boom/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls handshake-failed', /ERR_SSL_TLSV13_ALERT/],
    ['EPROTO', 'tls handshake-failed', /EPROTO/],
    ['X_ERR_SSL_', 'transport connection-failed', /X_ERR/],
  ])('%s: its phase is for others to say', (code, condition, text) => {
    const cause = failure(code);
    const error = lossError(cause, PEER);
    expect(told(error)).toBe(`${condition} -`);
    expect([error.text.startsWith(`${PEER} `), error.cause]).toEqual([true, cause]);
    expect(error.text).toMatch(text);
  });

  it('an end that nobody asked for', () => {
    const error = closedError(PEER);
    expect([told(error), error.text.startsWith(`${PEER} `)]).toEqual(['transport connection-closed -', true]);
  });
});

describe('what a TLS handshake failed with', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'certificate-expired', /expired/],
    ['CERT_NOT_YET_VALID', 'untrusted-certificate', /clock/],
    ['CERT_REVOKED', 'untrusted-certificate', /revoked/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'untrusted-certificate', /self-signed.*`tls: \{ ca \}`/],
    ['INVALID_PURPOSE', 'untrusted-certificate', /TLS servers/],
    ['CERT_SIGNATURE_FAILURE', 'untrusted-certificate', /signature/],
    ...[
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'CERT_UNTRUSTED',
      'CRL_HAS_EXPIRED',
      'INVALID_CA',
      'PATH_LENGTH_EXCEEDED',
      'ERROR_IN_CERT_NOT_AFTER_FIELD',
      'CA_MD_TOO_WEAK',
      'EE_KEY_TOO_SMALL',
      'HOSTNAME_MISMATCH',
    ].map((code): [string, string, RegExp] => [
      code,
      'untrusted-certificate',
      new RegExp(`${code}.*\`tls: \\{ ca \\}\``),
    ]),
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'handshake-failed', /does not speak TLS/],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'handshake-failed', /does not speak TLS/],
    ['ERR_SSL_HTTP_REQUEST', 'handshake-failed', /does not speak TLS/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'handshake-failed', /too old/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'handshake-failed', /too old/],
    ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'handshake-failed', /ALPN/],
    ['ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME', 'handshake-failed', /domain/],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'handshake-failed', /domain/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'handshake-failed', /client certificate/],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'handshake-failed', /client certificate/],
    ['ERR_SSL_OTHER', 'handshake-failed', /ERR_SSL_OTHER/],
    ['NOT_CERT_AT_ALL', 'handshake-failed', /NOT_CERT_AT_ALL/],
    [undefined, 'handshake-failed', /boom/],
  ])('%s', (code, condition, text) => {
    const cause = failure(code);
    const error = tlsHandshakeError(cause, PEER, false);
    expect([told(error), error.cause]).toEqual([`tls ${condition} tls`, cause]);
    expect(error.text).toContain(PEER);
    expect(error.text).toMatch(text);
  });

  it.each(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])('%s: the connection is gone', (code) => {
    const cause = failure(code);
    const error = tlsHandshakeError(cause, PEER, true);
    expect([told(error), error.cause, error.retryable]).toEqual(['transport connection-reset tls', cause, true]);
    expect(error.text).toMatch(/^a\.example:5222 .*TLS/);
  });

  it('names the remedy where direct TLS was a mistake, and there alone', () => {
    const remedy = (code: string, direct: boolean) =>
      tlsHandshakeError(failure(code), PEER, direct).text.includes("`security: 'starttls'`");
    expect(remedy('ERR_SSL_WRONG_VERSION_NUMBER', true)).toBe(true);
    expect(remedy('ERR_SSL_WRONG_VERSION_NUMBER', false)).toBe(false);
    expect(remedy('ERR_SSL_UNSUPPORTED_PROTOCOL', true)).toBe(false);
    const { text } = tlsHandshakeError(failure('ERR_SSL_UNSUPPORTED_PROTOCOL'), PEER, true);
    expect(text.endsWith('update it')).toBe(true);
  });

  it('is what it is where the check is ours', () => {
    const own = new StreamError({ condition: 'reset' });
    expect(tlsHandshakeError(own as never, PEER, false)).toBe(own);
  });
});

describe('what several addresses failed with', () => {
  const of = (condition: string, retryable = true) =>
    new TransportError({ condition: condition as never, text: `${condition} there`, phase: 'connect', retryable });
  const [refused, reset, noHost, noNet, odd] = [
    of('connection-refused'),
    of('connection-reset'),
    of('host-unreachable'),
    of('network-unreachable'),
    of('connection-failed'),
  ] as const;

  it.each<[string, readonly unknown[], string, unknown]>([
    ['a refusal says most', [noNet, noHost, reset, refused], 'connection-refused', refused],
    ['then a reset', [noNet, noHost, reset], 'connection-reset', reset],
    ['then a host', [noNet, noHost], 'host-unreachable', noHost],
    ['then a network', [odd, noNet], 'network-unreachable', noNet],
    ['where none says anything', [odd, odd], 'connection-failed', odd],
    ['and where they are none of ours', ['x', 'y'], 'connection-failed', 'x'],
  ])('%s', (_, errors, condition, cause) => {
    const error = allAddressesFailed(PEER, errors) as TransportError;
    expect([told(error), error.errors, error.cause]).toEqual([`transport ${condition} connect`, errors, cause]);
    expect(error.text).toContain(`${errors.length} addresses of ${PEER}`);
    expect(error.text.endsWith(errors.map((one) => (one as XmppError).text ?? one).join('; '))).toBe(true);
  });

  it('one alone is itself', () => {
    expect([allAddressesFailed(PEER, [odd]), allTargetsFailed('a.example', [odd])]).toEqual([odd, odd]);
  });

  it.each([
    ['once one may do later', [of('dns-failure', false), odd], true],
    ['not where none will', [of('dns-failure', false), of('dns-failure', false)], false],
    ['nor where they are none of ours', ['x', { retryable: true }], false],
  ])('of several servers: again %s', (_, errors, retryable) => {
    const error = allTargetsFailed('a.example', errors) as TransportError;
    expect(told(error)).toBe('transport all-targets-failed connect');
    expect([error.errors, error.cause, error.retryable]).toEqual([errors, errors[0], retryable]);
    expect(error.text).toContain('2 servers of a.example');
    expect(error.text.endsWith(errors.map((one) => (one as XmppError).text ?? String(one)).join('; '))).toBe(true);
  });
});
