export type Presence = 'online' | 'away' | 'busy' | 'offline';

export interface Contact {
  /** Bare. */
  readonly jid: string;
  readonly name: string;
  /** Whether we may see their presence. */
  readonly subscribed: boolean;
  /** Whether we have asked to. */
  readonly asked: boolean;
}

/**
 * How far a message of ours has come: it waits for a connection, it was written, the server has it, it was not delivered, or
 * nobody knows whether it was.
 */
export type Tick = 'queued' | 'written' | 'acked' | 'failed' | 'unknown';

export interface ChatMessage {
  readonly id: string;
  readonly mine: boolean;
  readonly body: string;
  readonly at: Date;
  /** Of our own messages. */
  readonly tick?: Tick;
}

export const ticks: Record<Tick, string> = {
  queued: 'Waiting to be sent',
  written: 'Sent',
  acked: 'The server has it',
  failed: 'Not delivered',
  unknown: 'Perhaps not delivered',
};

export const presences: Record<Presence, string> = {
  online: 'online',
  away: 'away',
  busy: 'do not disturb',
  offline: 'offline',
};
