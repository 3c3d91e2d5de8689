import type { Jid } from '../../jid/jid.js';

/** What is needed to resume a session (XEP-0198 section 5), as the server gave it. */
export interface Resumption {
  readonly id: string;
  readonly jid: Jid;
  /** Where the server prefers to be reconnected to. */
  readonly location: string | undefined;
  /**
   * How long the server keeps the session, in seconds, if it says. It is asked later too: it may have it still, or say how far the
   * session had come.
   */
  readonly max: number | undefined;
}

/** What the server granted for a new session. */
export interface Enabled {
  /** Absent where the session cannot be resumed. */
  readonly resumption: Resumption | undefined;
  /** How many stanzas came before the server's answer. They do not count, and are yet to be received. */
  readonly early?: number;
}

/**
 * What the negotiation of stream management needs of whoever keeps the state of the session. It is kept by the session
 * layer, and by a client across streams.
 */
export interface ManagedSession {
  /** What to resume, if there is something. */
  readonly resumption: Resumption | undefined;
  /** How many stanzas we have handled: our `h`. */
  readonly handled: number;
  /** How often in a row the server was asked to resume it, and has not answered. */
  unanswered: number;
  /** Stream management starts for a new session; all counters are 0. */
  enabled(granted: Enabled): void;
  /**
   * The session goes on. What the peer's `h` acknowledges is settled.
   *
   * @param h `undefined` where the peer gave no number.
   * @returns Whether `h` was within the window. If not, the session is lost for good.
   */
  resumed(h: number | undefined): boolean;
  /** The session is lost for good. `h` is what the peer had handled, if it says. */
  resumeFailed(h: number | undefined, condition: string): void;
}
