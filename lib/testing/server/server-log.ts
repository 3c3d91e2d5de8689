import type { XmlElement } from '../../xml/index.js';

/** What happened on a connection. Secrets are left out: of SASL only the names of the elements are told. */
export interface ServerLogEntry {
  /** Milliseconds by the scheduler. */
  readonly time: number;
  /** The number of the connection, from 1. */
  readonly stream: number;
  readonly event:
    | 'accepted'
    | 'opened'
    | 'secured'
    | 'authenticated'
    | 'bound'
    | 'enabled'
    | 'resumed'
    | 'received'
    | 'fault'
    | 'stream-error'
    | 'closed'
    | 'lost';
  readonly detail?: string;
  readonly element?: XmlElement;
}

/** The last entries: a soak must not fill the memory. */
export class ServerLog {
  readonly #limit: number;
  #entries: ServerLogEntry[] = [];

  constructor(limit = 2000) {
    this.#limit = limit;
  }

  get entries(): readonly ServerLogEntry[] {
    return this.#entries;
  }

  add(entry: ServerLogEntry): void {
    if (this.#entries.length >= 2 * this.#limit) this.#entries = this.#entries.slice(-this.#limit);
    this.#entries.push(entry);
  }
}
