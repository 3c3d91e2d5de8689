import { XmppError } from '../errors/index.js';
import type { Signal } from './io.js';

/** What a shell gets to know of the end. */
export const EXIT = {
  /** All that was asked for was done, and the stream closed in good order. */
  ok: 0,
  /** No connection, a connection lost for good, or a message that may not have arrived. */
  failure: 1,
  /** The command was called wrongly; nothing was sent. */
  usage: 2,
} as const;

/** What a shell reports for a process that a signal ended. */
const SIGNALS: Record<Signal, number> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

export function exitCodeOfSignal(signal: Signal): number {
  return SIGNALS[signal];
}

export function exitCodeOf(error: unknown): number {
  return error instanceof XmppError && (error.layer === 'usage' || error.layer === 'jid') ? EXIT.usage : EXIT.failure;
}
