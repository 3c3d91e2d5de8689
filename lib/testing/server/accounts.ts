import { jid } from '../../jid/index.js';
import type { SaslHost, ScramKeys } from './sasl.js';
import { deriveScramKeys, saslPrep } from './scram-server.js';
import type { ServerHash } from './server-crypto.js';
import type { ServerSettings } from './settings.js';
import { equalBytes, randomId, utf8 } from './text.js';

/** The accounts of one domain and what they are checked with. */
export class Accounts implements Omit<SaslHost, 'identities'> {
  readonly #settings: ServerSettings;
  /** `undefined`: without a password (ANONYMOUS, EXTERNAL). */
  readonly #passwords = new Map<string, string | undefined>();
  readonly #temporary = new Set<string>();

  constructor(settings: ServerSettings, accounts: Readonly<Record<string, string>> = {}) {
    this.#settings = settings;
    for (const [name, password] of Object.entries(accounts)) this.set(name, password);
  }

  get domain(): string {
    return this.#settings.domain;
  }

  /** Adds an account, or gives it another password. */
  set(name: string, password: string | undefined): void {
    this.#passwords.set(this.#local(name) ?? name, password);
  }

  remove(name: string): void {
    this.#passwords.delete(name);
  }

  has(name: string): boolean {
    return this.#passwords.has(name);
  }

  names(): string[] {
    return [...this.#passwords.keys()];
  }

  keys(name: string, hash: ServerHash): ScramKeys {
    const { crypto, iterations } = this.#settings;
    const local = this.#local(name);
    const password = local === undefined ? undefined : this.#passwords.get(local);
    // The salt belongs to the account: so the keys are derived once however many servers a test suite starts, and the
    // salt of a name that does not exist looks like any other.
    const salt = crypto.digest('SHA-256', utf8(`${local ?? name}@${this.domain}`)).slice(0, 16);
    if (password === undefined) {
      const nobody = crypto.hmac(hash, salt, utf8('nobody'));
      return { account: undefined, salt, iterations, storedKey: nobody, serverKey: nobody };
    }
    return { account: local, salt, iterations, ...deriveScramKeys(crypto, hash, password, salt, iterations) };
  }

  check(name: string, password: string): string | undefined {
    const local = this.#local(name);
    const known = local === undefined ? undefined : this.#passwords.get(local);
    return known !== undefined && equalBytes(utf8(saslPrep(known)), utf8(saslPrep(password))) ? local : undefined;
  }

  anonymous(): string {
    const name = randomId(this.#settings.random, 8);
    this.#passwords.set(name, undefined);
    this.#temporary.add(name);
    return name;
  }

  /** The last session of the account is gone: a temporary one goes too. */
  vacate(name: string): void {
    if (this.#temporary.delete(name)) this.#passwords.delete(name);
  }

  #local(name: string): string | undefined {
    try {
      return jid(`${name}@${this.domain}`).local;
    } catch {
      return undefined;
    }
  }
}
