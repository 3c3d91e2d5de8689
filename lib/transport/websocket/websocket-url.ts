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

/** The URL of a WebSocket; one that holds credentials is none, as these go into `credentials`. */
function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && /^wss?:$/.test(url.protocol) && !url.username && !url.password ? url : undefined;
}

/** Whether this address is one of this machine. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(urlOf(address)?.hostname ?? '');
}

/** Whether this is an address that whoever proved to be the domain's may send us to. */
export function isSecure(address: string): boolean {
  return urlOf(address)?.protocol === 'wss:';
}

/**
 * Checks an address. Plain `ws:` is for this machine alone unless it is allowed explicitly (RFC 7395 section 7).
 *
 * @throws UsageError For what is no WebSocket address.
 * @throws TransportError `insecure-url`, not retryable.
 */
export function websocketUrl(text: string, allowInsecure: boolean): WebSocketUrl {
  const url = urlOf(text);
  // The text may hold credentials, so it is not repeated.
  if (!url) throw new UsageError('bad-url', '`url` must be a wss:// address without credentials');
  // Never sent, and an error for the WebSocket API.
  url.hash = '';
  const { href, hostname, port } = url;
  const shown = href.replace(/\?.*/, '');
  const tls = url.protocol === 'wss:';
  const secure = tls ? 'tls' : isLoopback(href) ? 'loopback' : undefined;
  if (!secure && !allowInsecure) {
    throw new TransportError({
      condition: 'insecure-url',
      phase: 'connect',
      text: `${shown} is not encrypted; use wss://, or \`allowInsecure: true\` on a trusted link`,
      retryable: false,
    });
  }
  return { href, shown, hostname, port: Number(port) || (tls ? 443 : 80), secure };
}
