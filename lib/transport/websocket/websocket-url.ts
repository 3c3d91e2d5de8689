import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';

export interface WebSocketUrl {
  readonly href: string;
  /** The address for people: its query, which may hold a token, left out. */
  readonly shown: string;
  readonly hostname: string;
  readonly port: number;
  /** Whether nobody on the way can read or change what passes: TLS, or no way at all. */
  readonly secure: 'tls' | 'loopback' | undefined;
}

/** Not `*.localhost`: browsers keep these on the machine, the resolvers of other platforms may ask the network. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether this address is one of this machine. */
export function isLoopback(address: string): boolean {
  try {
    return LOOPBACK.test(new URL(address).hostname);
  } catch {
    return false;
  }
}

/**
 * Checks an address. Plain `ws:` is for this machine alone unless it is allowed explicitly (RFC 7395 section 7).
 *
 * @throws UsageError For what is no WebSocket address.
 * @throws TransportError `insecure-url`, not retryable.
 */
export function websocketUrl(text: string, allowInsecure: boolean): WebSocketUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError('bad-url', '`url` is no address; that of a WebSocket begins with wss://');
  }
  const { protocol, hostname } = url;
  if (protocol !== 'wss:' && protocol !== 'ws:') {
    throw new UsageError('bad-url', `'${protocol}' is no WebSocket address; it must begin with wss://`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('bad-url', 'the `url` of a WebSocket holds no credentials; they go into `credentials`');
  }
  // Never sent, and an error for the WebSocket API.
  url.hash = '';
  const shown = `${protocol}//${url.host}${url.pathname}`;
  const secure = protocol === 'wss:' ? 'tls' : LOOPBACK.test(hostname) ? 'loopback' : undefined;
  if (!secure && !allowInsecure) {
    throw new TransportError({
      condition: 'insecure-url',
      phase: 'connect',
      retryable: false,
      text: `${shown} is not encrypted; use wss://, or \`allowInsecure: true\` on a trusted link`,
    });
  }
  const port = url.port === '' ? (protocol === 'wss:' ? 443 : 80) : Number(url.port);
  return { href: url.href, shown, hostname, port, secure };
}
