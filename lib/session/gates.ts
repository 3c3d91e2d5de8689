import type { XmlElement } from '../xml/xml-element.js';

/** Where what comes of one stanza goes: any number of stanzas, then the end of them. */
export interface GateExit {
  next(stanza: XmlElement): void;
  error(error: unknown): void;
  complete(): void;
}

/** What every stanza of one direction goes through, in order. */
export interface Gate {
  push(stanza: XmlElement, exit: GateExit): void;
}

/** The gates of one session. */
export interface Gates {
  readonly inbound: Gate;
  readonly outbound: Gate;
  /** Forgets what is on its way: nothing comes out any more. */
  close(): void;
}

/** Makes the gates of each session: `intercept()`. */
export type Interceptors = () => Gates;
