import { createServer, type AddressInfo, type Server } from 'node:net';
import { createSecureContext, type TLSSocketOptions } from 'node:tls';
import { asapScheduler } from 'rxjs';
import { WebSocket } from 'ws';
import {
  perConnection,
  scriptedTransport,
  type Script,
  type ScriptedTransport,
  type ServerPipe,
} from '../../lib/testing.js';
import { SocketPipe } from '../../lib/testing/node/socket-pipe.js';
import { WEBSOCKET_PATH } from '../../lib/testing/node/websocket/handshake.js';
import { WebListener } from '../../lib/testing/node/websocket/web-listener.js';
import { tcp } from '../../lib/transport/node/index.js';
import type { TlsOptions } from '../../lib/transport/node/secure-socket.js';
import { websocket } from '../../lib/transport/node/websocket.js';
import type { WebSocketCtor } from '../../lib/transport/websocket/web-socket-like.js';
import type { Connection, Transport } from '../../lib/transport/transport.js';
import { connectContext } from '../support/connect-context.js';
import { DOMAIN } from '../support/wire.js';
import { authority, type Authority, type Identity } from '../support/certificates.js';
import type { Attack, Result } from './attack.js';
import { Attempt } from './attempt.js';
import { Wire, type Link } from './wire.js';

/** A link over sockets of this machine. */
export type RealLink = 'tcp' | 'tls' | 'ws' | 'wss';
export const REAL_LINKS: readonly RealLink[] = ['tcp', 'tls', 'ws', 'wss'];
export const LINK_OF: Record<RealLink, Link> = { tcp: 'starttls', tls: 'direct', ws: 'frames', wss: 'frames' };

/** Real milliseconds after which whatever is not over hangs. Nothing else depends on how fast the machine is. */
const PATIENCE = 30_000;
/** The client's bound of the phase in which the server is to fall silent, in milliseconds. */
const SHORT = 250;

export interface Certificates {
  readonly ca: Authority;
  readonly identity: Identity;
}

export async function certificates(): Promise<Certificates> {
  const ca = await authority();
  return { ca, identity: await ca.issue({ dns: [DOMAIN, 'localhost'], ip: ['127.0.0.1'] }) };
}

/** A server on a socket that plays an attack to whoever connects. */
export interface HostileServer {
  readonly port: number;
  readonly url: string;
  readonly transport: ScriptedTransport;
  /** Entries of the transport's log before TLS; `undefined` where there was TLS from the beginning. */
  readonly clearUntil: number | undefined;
  close(): Promise<unknown>;
}

export async function listen(attack: Attack, link: RealLink, { ca, identity }: Certificates): Promise<HostileServer> {
  let startTls: () => void = () => undefined;
  let clearUntil: number | undefined = link === 'tcp' ? Infinity : undefined;
  const wire = new Wire(LINK_OF[link], { startTls: () => startTls() });
  const script = attack.script(wire);
  const transport = scriptedTransport('scripts' in script ? perConnection(...script.scripts) : (script as Script), {
    framing: wire.frames ? 'frames' : 'stream',
    tls: link !== 'tcp',
    // Its steps are done before anything else can come in.
    scheduler: asapScheduler,
  });
  const accept = (pipe: ServerPipe) => {
    let current: Connection | undefined;
    const decoder = new TextDecoder();
    const use = (connection: Connection) => {
      current = connection;
      subscription.add(
        connection.input$.subscribe({
          next: (chunk) => pipe.write(chunk),
          error: () => pipe.destroy(),
          complete: () => pipe.end(),
        }),
      );
    };
    startTls = () => {
      clearUntil = transport.log.length;
      pipe.startTls!();
      subscription.add(current!.startTls!().subscribe({ next: use, error: () => pipe.destroy() }));
    };
    pipe.onData((data) => current?.write(typeof data === 'string' ? data : decoder.decode(data, { stream: true })));
    pipe.onClose(() => subscription.unsubscribe());
    const context = connectContext({ scheduler: asapScheduler });
    const subscription = transport.connect(context).subscribe({ next: use, error: () => pipe.destroy() });
  };
  const tls: TLSSocketOptions = { secureContext: createSecureContext(identity), ALPNProtocols: ['xmpp-client'] };
  const pipes = new Set<SocketPipe>();
  let web: WebListener | undefined;
  let server: Server;
  if (wire.frames) {
    web = new WebListener({ ...(link === 'wss' && { tls: identity }), accept, urlFor: () => undefined });
    server = web.server;
  } else {
    server = createServer((socket) => {
      const pipe = new SocketPipe(socket, tls, identity.cert, ca.cert);
      pipes.add(pipe);
      socket.once('close', () => pipes.delete(pipe));
      if (link === 'tls') pipe.startTls();
      accept(pipe);
    });
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${link}://127.0.0.1:${port}${WEBSOCKET_PATH}`,
    transport,
    get clearUntil() {
      return clearUntil;
    },
    close: () => {
      if (web) return web.close();
      for (const pipe of pipes) pipe.destroy();
      return new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** Jest has no `import()` of its own, by which rxmpp/node finds `ws`: there it is handed over. */
export const imports = import('ws').then(
  () => true,
  () => false,
);

function webSocketTransport(url: string, tls: TlsOptions | undefined, importable: boolean): Transport {
  if (importable) return websocket({ url, tls });
  return websocket({
    url,
    WebSocketCtor: class extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, tls as object);
      }
    } as unknown as WebSocketCtor,
  });
}

/** An attack over sockets, in real time. */
export async function playReal(
  attack: Attack,
  link: RealLink,
  certificates: Certificates,
  tls: TlsOptions = {},
): Promise<Result> {
  const server = await listen(attack, link, certificates);
  try {
    const ca = certificates.ca.cert;
    const importable = await imports;
    let attempt!: Attempt;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, PATIENCE);
      const settled = () => {
        clearTimeout(timer);
        // What else is told in the same turn belongs to it.
        setImmediate(done);
      };
      const transport: Transport =
        link === 'tcp' || link === 'tls'
          ? tcp({
              host: '127.0.0.1',
              port: server.port,
              security: link === 'tls' ? 'direct' : 'starttls',
              tls: { ca, ...tls },
            })
          : webSocketTransport(server.url, link === 'wss' ? { ca, ...tls } : undefined, importable);
      const timeouts = { close: SHORT, ...(attack.silent && { [attack.silent]: SHORT }) };
      attempt = new Attempt(attack, { transport, timeouts }, settled);
    });
    attempt.release();
    return attempt.result(server.transport, server.clearUntil);
  } finally {
    await server.close();
  }
}
