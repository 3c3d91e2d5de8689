import { xmppClient, type XmppClient } from '../../lib/client/xmpp-client.js';
import type { XmppClientOptions } from '../../lib/client/client-options.js';
import { memoryTransport, type MemoryTransport } from '../../lib/testing/memory/memory-transport.js';
import { nodeServerCrypto } from '../../lib/testing/node/node-crypto.js';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { SeededScheduler, type SeededParty } from '../../lib/testing/seeded-scheduler.js';
import type { XmppServerOptions } from '../../lib/testing/server/options.js';
import { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import { syncCrypto } from './sync-crypto.js';

/** An embedded server and clients of it, in virtual time. */
export class MemoryWorld {
  readonly time = new SeededScheduler(seededRandom(1));
  readonly clientTimers: SeededParty = this.time.party();
  readonly server: XmppServer;

  constructor(options: XmppServerOptions = {}) {
    this.server = new XmppServer({
      accounts: { alice: 'wonder', bob: 'builder' },
      mechanisms: ['SCRAM-SHA-1'],
      crypto: nodeServerCrypto,
      scheduler: this.time.party(),
      random: seededRandom(2),
      ...options,
    });
  }

  client(options: Partial<XmppClientOptions> = {}): { readonly client: XmppClient; readonly link: MemoryTransport } {
    const link = memoryTransport(this.server, { scheduler: this.time.party(), latency: 10 });
    const client = xmppClient({
      jid: 'alice@localhost',
      credentials: { password: 'wonder' },
      transport: link,
      scheduler: this.clientTimers,
      crypto: syncCrypto(),
      ...options,
    });
    return { client, link };
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    this.time.runUntil(this.time.now() + ms);
  }
}
