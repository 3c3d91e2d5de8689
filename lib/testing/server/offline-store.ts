import type { XmlElement } from '../../xml/index.js';

interface Kept {
  readonly stanza: XmlElement;
  /** Where it comes back from: a session that ended with it unacknowledged, and its number there. */
  readonly origin: { readonly session: string; readonly number: number } | undefined;
}

/** Messages for accounts that are not available (RFC 6121 section 8.5.2.2.1, XEP-0160). */
export class OfflineStore {
  readonly #limit: number;
  readonly #kept = new Map<string, Kept[]>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns whether there was room. */
  keep(account: string, stanza: XmlElement, origin?: Kept['origin']): boolean {
    const kept = this.#kept.get(account) ?? [];
    if (kept.length >= this.#limit) return false;
    this.#kept.set(account, [...kept, { stanza, origin }]);
    return true;
  }

  take(account: string): XmlElement[] {
    const kept = this.#kept.get(account) ?? [];
    this.#kept.delete(account);
    return kept.map(({ stanza }) => stanza);
  }

  /** The client has seen the stanzas of that session up to number `h`, says it when it fails to resume it. */
  forget(account: string, session: string, h: number): void {
    const kept = this.#kept.get(account)?.filter(({ origin }) => origin?.session !== session || origin.number > h);
    if (kept) this.#kept.set(account, kept);
  }
}
