import type { Observable } from 'rxjs';
import type { ChannelBindingType } from '../transport/transport.js';
import type { Crypto } from '../crypto/crypto.js';
import type { ScramKeyCache } from './scram-key-cache.js';

/** What a user proves an identity with. `mechanisms` narrows or extends what may be used, best first. */
export interface Credentials {
  /** Defaults to the local part of the JID. */
  readonly username?: string;
  /** The authorization identity, where it differs (RFC 6120 section 6.3.8). */
  readonly authzid?: string;
  /** What SCRAM and PLAIN prove; without it (an empty environment, say) there are to be other credentials. */
  readonly password?: string | undefined;
  /** ANONYMOUS (RFC 4505). Implied by options with a `domain` in place of a `jid`. */
  readonly anonymous?: boolean;
  /** EXTERNAL (XEP-0178): the client certificate of the TLS connection. */
  readonly external?: boolean;
  /** PLAIN (RFC 4616) is off unless asked for, and never used without TLS. */
  readonly allowPlain?: boolean;
  /** Mechanisms in order of preference, in place of the default ones. */
  readonly mechanisms?: readonly SaslMechanism[];
}

/** What a mechanism gets to know of the attempt. */
export interface SaslContext {
  readonly credentials: Credentials;
  /** The local part of the JID (prepared), if there is one. */
  readonly local: string | undefined;
  readonly domain: string;
  /** Whether TLS is established and verified. */
  readonly secure: boolean;
  /** Names that the server offers, in its order. */
  readonly offered: readonly string[];
  /** Channel-binding types that the server says it supports (XEP-0440); `undefined` where it does not say. */
  readonly offeredBindings: readonly string[] | undefined;
  channelBinding(type: ChannelBindingType): Uint8Array | undefined;
  readonly crypto: Crypto;
  /** Accepted SCRAM iteration counts, both included; `defaultIterations` where nothing else is configured. */
  readonly iterations: { readonly min: number; readonly max: number };
  /** Keys of earlier exchanges with this very `credentials` object, so that a reconnect skips PBKDF2. */
  readonly keys?: ScramKeyCache;
  /**
   * The pin: the name of the mechanism that this account has authenticated with before, where that is known. PLAIN is
   * refused once it was anything else.
   */
  readonly minimum?: string;
}

/**
 * One mechanism (RFC 4422). `usable` says whether the credentials and the TLS state allow it, and is asked only where the
 * server offers it; `start` gives a fresh exchange and does not throw. Another mechanism is one file that implements this, and one entry in `credentials.mechanisms`.
 */
export interface SaslMechanism {
  /** As registered: `SCRAM-SHA-256`. */
  readonly name: string;
  usable(context: SaslContext): boolean;
  /** What is missing where it is not usable, for people: `TLS`, say. */
  needs?(context: SaslContext): string;
  start(context: SaslContext): SaslExchange;
  /** What to try, once and on the same stream, after the server has refused it: itself with a fresh token, say. Absent: nothing. */
  retry?(refusal: { readonly condition: string; readonly challenged: boolean }): SaslMechanism | undefined;
}

/**
 * One exchange, in steps: `initial` once, `respond` for each challenge, `finish` once. A step begins when its observable is
 * subscribed to, and the next one is called after it has emitted. All observables are cold, emit exactly one value and complete, or error with a `SaslError`.
 */
export interface SaslExchange {
  /** The initial response, which may be empty; `undefined` where the mechanism has none. */
  initial(): Observable<Uint8Array | undefined>;
  /** The answer to a challenge. */
  respond(challenge: Uint8Array): Observable<Uint8Array>;
  /**
   * Checks the server's last word: the additional data of `<success/>` (`undefined` where it has none). Errors where the
   * server has not proved what the mechanism makes it prove; nothing counts as authenticated before.
   */
  finish(data: Uint8Array | undefined): Observable<void>;
}
