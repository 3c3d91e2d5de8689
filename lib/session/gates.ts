import type { StanzaError } from '../errors/stanza-error.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Outgoing } from './delivery.js';
import type { SessionMemory } from './session-memory.js';

/** What the gates of a session lead to. */
export interface GateEnds {
  /** Takes what was received. */
  take(stanza: XmlElement): void;
  /** Counts and writes what is `intercepted`; throws where it cannot. */
  transmit(outgoing: Outgoing): void;
  readonly memory: SessionMemory;
}

/** What every stanza of a session goes through, in each direction. */
export interface Gates {
  inbound(stanza: XmlElement): void;
  /** @throws XmlError For what cannot be written. */
  outbound(outgoing: Outgoing): void;
  /** Nothing comes out any more; what was on its way out is lost. */
  close(reason: StanzaError): void;
}

/** Makes the gates of each session: `intercept()`. */
export type Interceptors = (ends: GateEnds) => Gates;
