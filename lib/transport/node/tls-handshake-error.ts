import { TlsError, type TlsCondition } from '../../errors/tls-error.js';
import { TransportError } from '../../errors/transport-error.js';
import { XmppError } from '../../errors/xmpp-error.js';
import { reason } from './socket-error.js';

const CERTIFICATE: Record<string, [TlsCondition, string]> = {
  CERT_HAS_EXPIRED: ['certificate-expired', 'has expired; its operator must renew it'],
  CERT_NOT_YET_VALID: ['untrusted-certificate', "is not valid yet; is this machine's clock right?"],
  CERT_REVOKED: ['untrusted-certificate', 'is revoked; its operator must replace it'],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'untrusted-certificate',
    'is self-signed; if that is meant to be so, pass it as `tls: { ca }`',
  ],
  INVALID_PURPOSE: ['untrusted-certificate', 'is not for TLS servers'],
  CERT_SIGNATURE_FAILURE: ['untrusted-certificate', 'has a wrong signature'],
};

/** Every other verdict on the chain (`X509_V_ERR_*`, without the prefix) means that it leads to no CA which we trust. */
const CHAIN =
  /^(UNABLE_TO_|SELF_SIGNED_CERT_IN_CHAIN|CERT_|CRL_|INVALID_|PATH_LENGTH_|ERROR_IN_CERT_|CA_|EE_KEY_|HOSTNAME_MISMATCH)/;

const REFUSED = 'refuses the handshake: no cipher in common, or a client certificate is missing';
const HANDSHAKE: Record<string, string> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'does not speak TLS on this port',
  ERR_SSL_HTTP_REQUEST: 'does not speak TLS on this port',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'speaks only versions of TLS that are too old; its operator must update it',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'speaks only versions of TLS that are too old; its operator must update it',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
    'refuses the ALPN protocol xmpp-client; is it an XMPP server, and the port right?',
  ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME: 'does not serve this domain',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'does not serve this domain',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: REFUSED,
  // OpenSSL 3.5 calls it so (Node 22 and newer).
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': REFUSED,
};

/** What a TLS handshake failed with. */
export function tlsHandshakeError(error: NodeJS.ErrnoException, peer: string, direct: boolean): XmppError {
  // Our own checks speak for themselves.
  if (error instanceof XmppError) return error;
  const code = error.code ?? '';
  const tlsError = (condition: TlsCondition, text: string) =>
    new TlsError({ condition, text, phase: 'tls', cause: error });

  const verdict = CERTIFICATE[code];
  if (verdict) return tlsError(verdict[0], `the certificate of ${peer} ${verdict[1]}`);
  if (CHAIN.test(code)) {
    return tlsError(
      'untrusted-certificate',
      `the certificate of ${peer} leads to no trusted CA (${code}); if it is a private one, pass its certificate as \`tls: { ca }\``,
    );
  }
  if (HANDSHAKE[code]) {
    const remedy = direct && HANDSHAKE[code].includes('does not speak TLS') ? "; try `security: 'starttls'`" : '';
    return tlsError('handshake-failed', `${peer} ${HANDSHAKE[code]}${remedy}`);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED') {
    return new TransportError({
      condition: 'connection-reset',
      text: `${peer} closed the connection during the TLS handshake; does it speak TLS on this port?`,
      phase: 'tls',
      cause: error,
    });
  }
  return tlsError('handshake-failed', `no TLS with ${peer} (${reason(error)})`);
}
