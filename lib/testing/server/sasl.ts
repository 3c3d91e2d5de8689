import type { ServerHash } from './server-crypto.js';

/** What the server knows of an account that wants in. */
export interface SaslHost {
  readonly domain: string;
  /** The stored keys of an account; for names that do not exist, keys that nobody has. */
  keys(name: string, hash: ServerHash): ScramKeys;
  /** The account that this name and password belong to. */
  check(name: string, password: string): string | undefined;
  /** A new temporary account. */
  anonymous(): string;
  identities(): readonly string[];
}

/** What RFC 5802 section 3 has the server store. */
export interface ScramKeys {
  /** `undefined`: there is no such account, and no proof is right. */
  readonly account: string | undefined;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export type SaslStep =
  | { readonly kind: 'challenge'; readonly data: Uint8Array }
  | { readonly kind: 'success'; readonly account: string; readonly data?: Uint8Array }
  | { readonly kind: 'failure'; readonly condition: string; readonly text?: string };

/** The server's half of a mechanism. `undefined` stands for "no initial response". */
export type SaslServer = (response: Uint8Array | undefined) => SaslStep;

export const failure = (condition: string, text?: string): SaslStep => ({ kind: 'failure', condition, text });
