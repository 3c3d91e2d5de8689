/**
 * A way of bytes to one client: what the server accepts. TCP, memory and WebSocket pipes implement it; none of them knows
 * XMPP. Nothing may be called back from within `write`, `end` or `destroy`.
 */
export interface ServerPipe {
  /** `stream` (default): RFC 6120 over bytes; `frames`: RFC 7395, every text is one message. */
  readonly framing?: 'stream' | 'frames';
  /** Octets only where a fault cuts a character. */
  write(data: string | Uint8Array): void;
  /** Ends our side after all that was written. */
  end(): void;
  /** Drops the connection, written or not. */
  destroy(): void;
  /**
   * From here on the bytes are TLS, in both directions; what is still unread of the plaintext is dropped. A handshake that
   * fails ends in `onClose`. Absent where TLS cannot be started.
   */
  startTls?(): void;
  /** Names (localparts or JIDs) that the client's certificate vouches for, once TLS is established. */
  clientIdentities?(): readonly string[];
  /** Channel-binding data of the established TLS connection. */
  channelBinding?(type: ServerChannelBinding): Uint8Array | undefined;
  /** Set once, when the server accepts the pipe; what came before waits for it. */
  onData(listener: (data: Uint8Array | string) => void): void;
  /** Called once, when both sides have ended or the connection is lost. */
  onClose(listener: (error?: unknown) => void): void;
}

export type ServerChannelBinding = 'tls-exporter' | 'tls-server-end-point';
