import type { Observable } from 'rxjs';
import type { XmppOptions } from './options.js';
import type { ReconnectConfig } from './reconnect.js';
import type { WhenBusy } from './when-busy.js';

/** What a client is made from: what a connection is made from, and how it is kept. */
export interface XmppClientOptions extends XmppOptions {
  /** What becomes of these options where others are at work when they come; they `replace` them by default. */
  readonly whenBusy?: WhenBusy;
  /** How the client comes back after a loss; `false` for not at all. */
  readonly reconnect?: false | Omit<ReconnectConfig, 'scheduler' | 'online$' | 'now$' | 'onWaiting'>;
  /**
   * Whether there is a network; until it first emits there is. In browsers their `online` and `offline` events by default, but
   * for servers on the same machine, which need none.
   */
  readonly online$?: Observable<boolean>;
  /**
   * Something happened after which the link must be looked at: the machine woke up, the network changed. In browsers
   * the page's events by default: it is shown again, thawed, or back from the cache, or the network is gone or back.
   */
  readonly wake$?: Observable<unknown>;
  /**
   * What becomes of a stanza (a request too) that is sent while there is no session: it is an error, `not-connected` (default), or it
   * waits for the next one, in order, up to `queue` stanzas.
   */
  readonly whileOffline?: 'error' | { readonly queue: number };
  /**
   * Whether messages of a session that could not be resumed are sent again on the next one, marked as delayed (XEP-0203). They
   * may then arrive twice; by default they are handed back as `delivery-unknown`.
   */
  readonly resendLost?: boolean;
}
