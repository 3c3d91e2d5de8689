import type { XmppServerOptions } from '../server/options.js';
import { XmppServer } from '../server/xmpp-server.js';
import { memoryTransport, type MemoryLink, type MemoryTransport } from './memory-transport.js';

export interface InMemoryServer {
  readonly server: XmppServer;
  /** A transport to it, over a link of its own. */
  transport(link?: MemoryLink): MemoryTransport;
}

/**
 * An XMPP server without sockets, for tests and demonstrations, in browsers too.
 *
 * ```ts
 * const { server, transport } = inMemoryServer({ accounts: { alice: 'wonder', bob: 'build' } });
 * const session$ = xmppStream({ jid: 'alice@localhost', credentials: { password: 'wonder' }, transport: transport({ latency: 20 }) });
 * ```
 */
export function inMemoryServer(options: XmppServerOptions = {}): InMemoryServer {
  const server = new XmppServer(options);
  return { server, transport: (link) => memoryTransport(server, link) };
}
