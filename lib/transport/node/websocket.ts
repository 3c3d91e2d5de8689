import { catchError, defer, map, of, shareReplay, switchMap, throwError, type Observable } from 'rxjs';
import { nodeCrypto } from '../../crypto/node/node-crypto.js';
import { UsageError } from '../../errors/usage-error.js';
import type { Transport } from '../transport.js';
import type { WebSocketCtor } from '../websocket/web-socket-like.js';
import { websocket as anywhere, type WebSocketConfig } from '../websocket/websocket.js';
import { tlsSettings, type TlsOptions } from './secure-socket.js';

export interface NodeWebSocketConfig extends WebSocketConfig {
  /**
   * TLS options of the WebSocket (`ca`, `cert`, `key` ...); they need the `ws` package. Unlike over TCP the certificate is to be
   * for the host of the URL, as in a browser. The look-up without `url` is `fetch`'s: it knows Node's own CAs and
   * `NODE_EXTRA_CA_CERTS`.
   */
  readonly tls?: TlsOptions;
}

const DEFAULTS = {
  // Secrets and what others wrote are not to be compressed together.
  perMessageDeflate: false,
  // Octets, as the connection bounds what may wait for a reader.
  maxPayload: 16 * 1024 * 1024,
  // Milliseconds to the peer's close frame: a dead link is not to keep a process alive.
  closeTimeout: 2_000,
};

/**
 * `websocket()` for Node: by Node's own WebSocket (22 and newer), or by the `ws` package where there is none, or where `tls` is
 * given, which Node's own does not take.
 *
 * A server that does not answer when we close keeps Node's own WebSocket open, and with it the process, for as long as TCP does; `ws`
 * gives it up after two seconds, and is taken with `tls: {}`, too.
 *
 * Errors as `websocket()` of `rxmpp`, and with `UsageError` `no-websocket` where `ws` is needed and not installed.
 */
export function websocket({ tls, ...config }: NodeWebSocketConfig = {}): Transport {
  const { WebSocketCtor } = config;
  if (tls && WebSocketCtor) {
    throw new UsageError(
      'bad-option',
      '`tls` and `WebSocketCtor` exclude each other: it is `ws` that takes the options',
    );
  }
  const settings = tls && tlsSettings(tls);
  const options = settings && { ...settings.options, secureContext: settings.secureContext };
  const constructor$: Observable<WebSocketCtor> = defer(() => {
    const known = WebSocketCtor ?? (options ? undefined : (globalThis.WebSocket as WebSocketCtor | undefined));
    return known ? of(known) : fromPackage(options);
  });
  return {
    name: 'websocket',
    crypto: nodeCrypto,
    isLoopback: (domain) => anywhere(config).isLoopback!(domain),
    connect: (context) =>
      constructor$.pipe(switchMap((Ctor) => anywhere({ ...config, WebSocketCtor: Ctor }).connect(context))),
  };
}

/** What is used of a WebSocket of the `ws` package beside what all have. */
interface PackageSocket {
  on(event: 'message', listener: (data: unknown, isBinary: boolean) => void): void;
  removeAllListeners(event: 'message'): void;
}

/** The constructor of the `ws` package, which takes options beside what browsers take. */
function fromPackage(options?: object): Observable<WebSocketCtor> {
  return package$.pipe(
    map((Ctor) =>
      options
        ? (function (url: string, protocols: string[]) {
            return new Ctor(url, protocols, options);
          } as unknown as WebSocketCtor)
        : (Ctor as unknown as WebSocketCtor),
    ),
  );
}

/** One class for all connections: engines forget what they know of the members of sockets with each new one. */
const package$ = defer(() => import('ws')).pipe(
  map(({ WebSocket }) => {
    const Ctor = WebSocket as unknown as new (...args: unknown[]) => PackageSocket;
    return class extends Ctor {
      constructor(url: string, protocols: string[], options?: object) {
        super(url, protocols, { ...DEFAULTS, ...options });
      }

      /** A text is told as its octets: made a string of, as is the default, the parser would have to make octets of it again. */
      set onmessage(listener: ((event: { readonly data: unknown; readonly isText: boolean }) => void) | null) {
        this.removeAllListeners('message');
        if (listener) this.on('message', (data, isBinary) => listener({ data, isText: !isBinary }));
      }
    };
  }),
  catchError((cause: unknown) => {
    const text = 'there is no WebSocket: install the `ws` package (Node 22 and newer need it for `tls` only)';
    return throwError(() => new UsageError('no-websocket', text, cause));
  }),
  shareReplay({ bufferSize: 1, refCount: false }),
);
