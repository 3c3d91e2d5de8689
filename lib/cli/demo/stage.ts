import type { Observable } from 'rxjs';
import type { XmppClientOptions } from '../../client/client-options.js';
import type { RunningServer } from '../../testing/node/start-server.js';
import { tcp } from '../../transport/node/index.js';
import type { Reporter } from '../report/reporter.js';
import { Actor } from './actor.js';

/** Who has an account on the server of the demonstration. */
export const ACCOUNTS = { alice: 'wonderland', bob: 'builder', carol: 'singer' } as const;

export type Account = keyof typeof ACCOUNTS;

/** Milliseconds between a loss and the next attempt: short, since somebody is watching. */
const RETRY = 200;

/** What the scenes are played on: a server, and two who talk. */
export class Stage {
  readonly alice: Actor;
  readonly bob: Actor;
  readonly #others: Actor[] = [];

  constructor(
    readonly running: RunningServer,
    readonly reporter: Reporter,
  ) {
    this.alice = new Actor('alice', this.options('alice'), reporter);
    this.bob = new Actor('bob', this.options('bob'), reporter);
  }

  /** The JID of an account. */
  address(account: Account): string {
    return `${account}@${this.running.domain}`;
  }

  options(account: Account): XmppClientOptions {
    const { host, port, ca } = this.running;
    return {
      jid: this.address(account),
      credentials: { password: ACCOUNTS[account] },
      transport: tcp({ host, port, tls: { ca } }),
      streamManagement: { acknowledgements: { after: 20 } },
      reconnect: { backoff: () => RETRY },
    };
  }

  /** One more client. */
  actor(name: string, options$: Observable<XmppClientOptions | null>): Actor {
    const actor = new Actor(name, options$, this.reporter);
    this.#others.push(actor);
    return actor;
  }

  clear(): void {
    for (const actor of [this.alice, this.bob, ...this.#others]) actor.leave();
  }
}
