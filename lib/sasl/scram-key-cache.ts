import type { Credentials } from './mechanism.js';

/** What a SCRAM client may keep in place of the password (RFC 5802 section 5.1). As secret as the password itself. */
export interface ScramKeys {
  readonly clientKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/**
 * Keeps SCRAM keys from one connection to the next, so that a reconnect skips PBKDF2 and costs no CPU. Ids are made of the
 * hash, the iteration count, the salt and the user name; a server that changes any of them causes a new computation. Keys
 * are put in only after the server has proved that it knows them too, so those of a mistyped password never are.
 *
 * An id does not tell which password the keys were made from. The credentials are handed over for that: keys made from
 * one password would authenticate whoever gives another.
 */
export interface ScramKeyCache {
  get(credentials: Credentials, id: string): ScramKeys | undefined;
  set(credentials: Credentials, id: string, keys: ScramKeys): void;
}

/**
 * A cache in memory. It keeps the latest keys of each credentials object, for as long as the application keeps that
 * object, and no password. Neither `inspect` nor JSON shows what it holds.
 */
export function scramKeyCache(): ScramKeyCache {
  return new MemoryCache();
}

class MemoryCache implements ScramKeyCache {
  #entries: WeakMap<Credentials, { readonly id: string; readonly keys: ScramKeys }> | undefined;

  get(credentials: Credentials, id: string): ScramKeys | undefined {
    const entry = this.#entries?.get(credentials);
    return entry?.id === id ? entry.keys : undefined;
  }

  set(credentials: Credentials, id: string, keys: ScramKeys): void {
    this.#entries ??= new WeakMap();
    this.#entries.set(credentials, { id, keys });
  }
}
