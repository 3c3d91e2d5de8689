import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { UsageError } from '../../errors/usage-error.js';
import type { Target } from '../../trace/lifecycle-event.js';
import type { DnsResolver } from '../dns-resolver.js';
import type { TlsOptions, VerifyPeer } from './secure-socket.js';

/** All of it is optional: by default the domain of the JID is looked up, and every server that it names is tried. */
export interface TcpConfig {
  /** Dial this host in place of the look-up of the domain's SRV records. Certificates are still to be for the domain. */
  readonly host?: string;
  /** Default 5222; 5223 with `security: 'direct'`. Without `host`, this port of the domain itself is dialled. */
  readonly port?: number;
  /**
   * - `starttls`: plain TCP on which TLS may be started (RFC 6120);
   * - `direct`: TLS from the first byte (XEP-0368);
   * - `none`: TLS is never offered to the layers above.
   *
   * Default: as the records say; `starttls` where a host, port, path or duplex is given; `none` with the policy `disabled`.
   */
  readonly security?: Target['security'];
  /** Handed to Node: `ca` for a private CA, `cert` and `key` for EXTERNAL ... (Whether TLS is a must say the options of the client.) */
  readonly tls?: TlsOptions;
  /** Has the last word on the server's certificate: `pinSpki()`, or yours. */
  readonly verifyPeer?: VerifyPeer;
  /**
   * Whether TLS sessions are kept, by domain and for as long as this transport lives, so that a reconnect saves the server's
   * certificate and signature. Off by default: a certificate that has expired since is not noticed.
   */
  readonly resumeTls?: boolean;
  /** Default `nodeResolver()`. */
  readonly resolver?: DnsResolver;
  /** Only addresses of this family; 0 (default) for both. */
  readonly family?: 0 | 4 | 6;
  /** The local address to connect from; by default that which the operating system picks. */
  readonly localAddress?: string;
  /** The local port to connect from; any free one by default. */
  readonly localPort?: number;
  /** A unix socket (or a named pipe) in place of TCP. */
  readonly path?: string;
  /**
   * A connected stream in place of a connection of ours: a proxy's, a tunnel's. It serves one attempt, and is destroyed
   * with it; give a function that returns a fresh one where there may be more than one.
   */
  readonly duplex?: Duplex | (() => Duplex);
  /** Milliseconds before the next address of a host is tried beside one that does not answer. Default 250 (RFC 8305). */
  readonly attemptDelay?: number;
  /**
   * Milliseconds that a connection which is let go of stays for the server to read what was written to it, and to end its side;
   * default 1,000, 0 for none, `Infinity` for as long as it takes. It goes at once when the server has done so. A server that
   * needs longer may lose what was sent last: where that matters, `close()` the session or await the delivery, and do not just
   * unsubscribe.
   */
  readonly linger?: number;
}

const KEYS: Record<keyof TcpConfig, true> = {
  host: true,
  port: true,
  security: true,
  tls: true,
  verifyPeer: true,
  resumeTls: true,
  resolver: true,
  family: true,
  localAddress: true,
  localPort: true,
  path: true,
  duplex: true,
  attemptDelay: true,
  linger: true,
};

/** @throws UsageError That says which option is wrong, and how. */
export function checkTcpConfig(config: TcpConfig): void {
  const { host, port, security, family, localAddress, localPort, path, duplex, attemptDelay, linger } = config;
  const usable = (ok: boolean, text: string) => {
    if (!ok) throw new UsageError('bad-tcp-option', text);
  };
  for (const key of Object.keys(config)) usable(Object.hasOwn(KEYS, key), `tcp() has no option \`${key}\``);
  const isPort = (value: number) => Number.isInteger(value) && value > 0 && value < 65_536;
  usable(
    host === undefined || (typeof host === 'string' && host !== ''),
    '`host` must be a host name or an IP address',
  );
  usable(port === undefined || isPort(port), '`port` must be an integer of 1 to 65535');
  usable(localPort === undefined || isPort(localPort), '`localPort` must be an integer of 1 to 65535');
  usable(localAddress === undefined || isIP(localAddress) !== 0, '`localAddress` must be an IP address');
  usable(family === undefined || [0, 4, 6].includes(family), '`family` must be 4, 6, or 0 for both');
  usable(
    security === undefined || ['starttls', 'direct', 'none'].includes(security),
    "`security` must be 'starttls', 'direct' or 'none'",
  );
  usable(
    attemptDelay === undefined || (typeof attemptDelay === 'number' && attemptDelay >= 0),
    '`attemptDelay` must be milliseconds, 0 or more',
  );
  usable(
    linger === undefined || linger === Infinity || (linger >= 0 && linger < 2 ** 31),
    '`linger` must be milliseconds, 0 or more, or Infinity',
  );
  const ways = [host ?? port, path, duplex].filter((way) => way !== undefined);
  usable(ways.length < 2, '`host` and `port`, `path`, and `duplex` exclude each other');
}
