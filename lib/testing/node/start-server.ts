import { createServer, isIPv6, type Server } from 'node:net';
import { createSecureContext, type TLSSocketOptions } from 'node:tls';
import { Observable } from 'rxjs';
import type { XmppServerOptions } from '../server/options.js';
import { XmppServer } from '../server/xmpp-server.js';
import { nodeServerCrypto } from './node-crypto.js';
import { SocketPipe } from './socket-pipe.js';
import { WEBSOCKET_PATH } from './websocket/handshake.js';
import { WebListener } from './websocket/web-listener.js';
import { certificateAuthority, validity, type CertificateAuthority, type PemIdentity } from './x509.js';

export interface StartServerOptions extends XmppServerOptions {
  /** Where to listen. Default `127.0.0.1`. */
  readonly host?: string;
  /** For STARTTLS. Default 0: any free port. */
  readonly port?: number;
  /** For direct TLS (XEP-0368). Default 0: any free port. `false`: none. */
  readonly directPort?: number | false;
  /**
   * For WebSocket without TLS. It counts as secure for clients of the same machine, as for browsers; from others the server takes
   * no password there unless `tls` is `'off'` or `'optional'`. Default 0: any free port. `false`: none.
   */
  readonly webSocketPort?: number | false;
  /**
   * For WebSocket with TLS. The handshake is not the server's there: faults at `tls` do not strike. Default 0: any free port.
   * `false`: none.
   */
  readonly secureWebSocketPort?: number | false;
  /** What is wrong with the server's certificate, if anything should be. Default: nothing. */
  readonly certificate?: {
    /** The names it is for. Default: the domain, `localhost`, `127.0.0.1` and the host. */
    readonly names?: readonly string[];
    /** Ended yesterday. */
    readonly expired?: boolean;
    /** Begins tomorrow. */
    readonly notYetValid?: boolean;
    /** Issued by a CA that is not `ca`. */
    readonly untrusted?: boolean;
  };
  /** Handed to Node: `maxVersion`, `ciphers` ... */
  readonly tlsOptions?: Pick<TLSSocketOptions, 'ALPNProtocols'> & {
    readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
    readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
    readonly ciphers?: string;
  };
}

/** A server that listens. */
export interface RunningServer {
  readonly domain: string;
  readonly host: string;
  /** TCP with STARTTLS. */
  readonly port: number;
  /** TCP with TLS at once; 0 where there is none. */
  readonly directPort: number;
  /** `ws://...` (RFC 7395), for `websocket({ url })`; empty where there is none. */
  readonly webSocketUrl: string;
  /** `wss://...`; empty where there is none. Both ports tell it in `/.well-known/host-meta.json` and `host-meta` (XEP-0156). */
  readonly secureWebSocketUrl: string;
  /** The CA's certificate, PEM: what clients are to trust. */
  readonly ca: string;
  /** The server itself: its faults, sessions, log. */
  readonly server: XmppServer;
  /** A certificate for a client that authenticates by EXTERNAL. */
  clientCertificate(account: string): PemIdentity;
  /** Ends all sessions, closes all connections, and listens no more. Resolves when all is released. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the embedded server on real sockets of this machine, with a CA of its own: TCP with STARTTLS, direct TLS, and
 * WebSocket with and without TLS.
 *
 * A resource observable: it emits once the server listens, stays open while it does, and closes everything on unsubscribe. It
 * errors where it cannot listen (`EADDRINUSE`, `EACCES`).
 *
 * ```ts
 * startServer({ accounts: { alice: 'wonder' } }).pipe(
 *   switchMap(({ port, ca }) => xmppStream({ ..., transport: tcp({ host: '127.0.0.1', port, tls: { ca } }) })),
 * );
 * ```
 */
export function startServer(options: StartServerOptions = {}): Observable<RunningServer> {
  return new Observable((subscriber) => {
    const listening = listen(options);
    listening.then(
      (running) => subscriber.next(running),
      (error: unknown) => subscriber.error(error),
    );
    return () =>
      void listening.then(
        (running) => running.close(),
        () => undefined,
      );
  });
}

/**
 * As `startServer`, for those who await: `await using server = await startServerAsync()`, or `server.close()` in `afterAll`.
 */
export function startServerAsync(options: StartServerOptions = {}): Promise<RunningServer> {
  return listen(options);
}

async function listen(options: StartServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 0, directPort = 0, webSocketPort = 0, secureWebSocketPort = 0 } = options;
  const { certificate = {}, tlsOptions } = options;
  const server = new XmppServer({ crypto: nodeServerCrypto, ...options });
  const { authority, identity } = certificatesOf(server.domain, host, certificate);
  const { ALPNProtocols = ['xmpp-client'], ...versions } = tlsOptions ?? {};
  const tls: TLSSocketOptions = {
    secureContext: createSecureContext({ ...identity, ca: authority.cert, ...versions }),
    ALPNProtocols,
    // Clients without a certificate are as welcome; one that is not ours proves nothing.
    requestCert: true,
    rejectUnauthorized: false,
  };
  const pipes = new Set<SocketPipe>();
  const socketListener = (direct: boolean) =>
    createServer((socket) => {
      const pipe = new SocketPipe(socket, tls, identity.cert, authority.cert);
      pipes.add(pipe);
      socket.once('close', () => pipes.delete(pipe));
      server.accept(pipe, { tls: direct ? 'direct' : 'starttls-available' });
    });
  let securePort = 0;
  const webListener = (secure: boolean) =>
    new WebListener({
      ...(secure && { tls: { ...identity, ...versions } }),
      accept: (pipe, address) => server.accept(pipe, { tls: secure || isLoopback(address) ? 'active' : 'none' }),
      urlFor: (hostname) => (securePort === 0 ? undefined : urlOf('wss', hostname, securePort)),
    });
  const opened: (Server | WebListener)[] = [];
  const close = async (): Promise<void> => {
    server.stop();
    const closed = opened.map((listener) =>
      listener instanceof WebListener ? listener.close() : new Promise<void>((done) => listener.close(() => done())),
    );
    for (const pipe of pipes) pipe.release();
    await Promise.all(closed);
  };
  /** Resolves with the port, 0 where none is wanted. */
  const open = async (wanted: number | false, listener: Server | WebListener): Promise<number> => {
    if (wanted === false) return 0;
    opened.push(listener);
    const socket = listener instanceof WebListener ? listener.server : listener;
    await listenOn(socket, wanted, host);
    return portOf(socket);
  };
  try {
    const plainPort = await open(port, socketListener(false));
    const tlsPort = await open(directPort, socketListener(true));
    const webPort = await open(webSocketPort, webListener(false));
    securePort = await open(secureWebSocketPort, webListener(true));
    return {
      domain: server.domain,
      host,
      port: plainPort,
      directPort: tlsPort,
      webSocketUrl: webPort === 0 ? '' : urlOf('ws', host, webPort),
      secureWebSocketUrl: securePort === 0 ? '' : urlOf('wss', host, securePort),
      ca: certificate.untrusted ? certificateAuthority('rxmpp testing', validity(-1, 7)).cert : authority.cert,
      server,
      clientCertificate: (account) =>
        authority.issue({ xmppAddresses: [`${account}@${server.domain}`], ...validity(-1, 7) }),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function urlOf(scheme: 'ws' | 'wss', host: string, port: number): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}${WEBSOCKET_PATH}`;
}

/** What never leaves the machine is as good as encrypted, to browsers too. */
const isLoopback = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

function certificatesOf(
  domain: string,
  host: string,
  { names, expired, notYetValid }: NonNullable<StartServerOptions['certificate']>,
): { authority: CertificateAuthority; identity: PemIdentity } {
  const authority = certificateAuthority('rxmpp testing', validity(-3, 7));
  const dates = expired ? validity(-2, -1) : notYetValid ? validity(1, 7) : validity(-1, 7);
  const all = new Set([new URL(`http://${domain}`).hostname, 'localhost', '127.0.0.1', host]);
  return { authority, identity: authority.issue({ names: names ?? [...all], ...dates }) };
}

function listenOn(listener: Server, port: number, host: string): Promise<void> {
  return new Promise((done, failed) => {
    listener.once('error', failed);
    listener.listen(port, host, () => {
      listener.off('error', failed);
      done();
    });
  });
}

function portOf(listener: Server): number {
  const address = listener.address();
  return typeof address === 'object' && address ? address.port : 0;
}
