/**
 * The phases of a connection attempt, in order (RFC 6120 section 1.4 and 13.3). Every timeout, error and lifecycle
 * event names the phase in which it happened.
 */
export type Phase =
  /** Looking up SRV records, addresses or host-meta. */
  | 'resolve'
  /** TCP or WebSocket connect. */
  | 'connect'
  /** The TLS handshake and the check of the peer's identity. */
  | 'tls'
  /** Stream header sent, the peer's header awaited. */
  | 'open'
  /** `<stream:features/>` awaited. */
  | 'features'
  /** `<starttls/>` sent, `<proceed/>` awaited. */
  | 'starttls'
  /** SASL exchange, each step. */
  | 'sasl'
  /** In-band registration: the form is awaited, or the answer to it (XEP-0077). */
  | 'register'
  /** Resource binding, and the legacy session where it is required. */
  | 'bind'
  /** Stream management is being enabled (XEP-0198 section 3). */
  | 'enable'
  /** A stream-management session is being resumed (XEP-0198 section 5). */
  | 'resume'
  /** The session is in use. */
  | 'online'
  /** The footer is sent, the peer's is awaited. */
  | 'close';
