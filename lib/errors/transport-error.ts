import { XmppError, type XmppErrorInit } from './xmpp-error.js';

/**
 * Conditions of the transport layer:
 * - resolving: `dns-not-offered` (SRV target `.`), `dns-no-address`, `dns-failure`, `dns-refused`;
 * - connecting: `connection-refused`, `host-unreachable`, `network-unreachable`, `all-targets-failed`, `connection-failed`;
 * - in use: `connection-reset`, `connection-closed` (end of input without a stream footer), `write-failed`;
 * - WebSocket: `websocket-failed`, `subprotocol-mismatch`, `insecure-url`, `discovery-failed`.
 */
export type TransportCondition =
  | 'dns-not-offered'
  | 'dns-no-address'
  | 'dns-failure'
  | 'dns-refused'
  | 'connection-refused'
  | 'host-unreachable'
  | 'network-unreachable'
  | 'all-targets-failed'
  | 'connection-failed'
  | 'connection-reset'
  | 'connection-closed'
  | 'write-failed'
  | 'websocket-failed'
  | 'subprotocol-mismatch'
  | 'insecure-url'
  | 'discovery-failed';

/** The network failed. Retryable unless said otherwise. `errors` holds what every single target or address ended with. */
export class TransportError extends XmppError {
  override readonly name: string = 'TransportError';
  readonly layer = 'transport' as const;
  declare readonly condition: TransportCondition;
  readonly errors: readonly unknown[];

  constructor(init: XmppErrorInit & { condition: TransportCondition; errors?: readonly unknown[] }) {
    super({ retryable: true, ...init });
    this.errors = init.errors ?? [];
  }
}
