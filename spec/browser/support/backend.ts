import { startServerAsync } from '../../../lib/testing-node.js';
import { realServers } from '../../servers/index.js';
import { linkTo, type Link } from './link.js';

/** A name that leads nowhere but where Chromium is told to: to this machine, as a server elsewhere. */
export const DOMAIN = 'chat.test';
export const PASSWORDS = { alice: 'wonder', bob: 'builder' } as const;
export type Account = keyof typeof PASSWORDS;

/** A server to chat on. */
export interface Backend {
  /** Its WebSocket without TLS, and with it. */
  readonly ws: Link;
  readonly wss: Link;
  /** Where it tells of its WebSocket (XEP-0156), if it does. */
  readonly hostMetaPort: number | undefined;
  /** Ends it in good order, and starts it again where it was. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const backends = {
  'the embedded server': embedded,
  prosody: () => real('prosody'),
  ejabberd: () => real('ejabberd'),
} as const;

async function embedded(): Promise<Backend> {
  const running = await startServerAsync({ domain: DOMAIN, accounts: PASSWORDS, directPort: false });
  const { server } = running;
  const httpsPort = portOf(running.secureWebSocketUrl);
  return backend(portOf(running.webSocketUrl), httpsPort, {
    hostMetaPort: httpsPort,
    restart: async () => {
      server.stop();
      server.start();
    },
    stop: () => running.close(),
  });
}

async function real(name: keyof typeof realServers): Promise<Backend> {
  const server = await realServers[name]({
    domain: DOMAIN,
    users: PASSWORDS,
    // Prosody looks at the name by which it is called: for the page it is localhost.
    config: name === 'prosody' ? `http_default_host = "${DOMAIN}"` : '',
  });
  return backend(server.ports.http, server.ports.https, {
    // Prosody has no module for it of its own.
    hostMetaPort: name === 'ejabberd' ? server.ports.https : undefined,
    restart: () => server.restart(),
    stop: () => server.stop(),
  });
}

async function backend(http: number, https: number, rest: Omit<Backend, 'ws' | 'wss'>): Promise<Backend> {
  const [ws, wss] = await Promise.all([linkTo(http), linkTo(https)]);
  return {
    ...rest,
    ws,
    wss,
    stop: async () => {
      await Promise.all([ws.close(), wss.close()]);
      await rest.stop();
    },
  };
}

const portOf = (url: string) => Number(new URL(url).port);
