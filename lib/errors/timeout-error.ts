import type { Phase } from './phase.js';
import { XmppError } from './xmpp-error.js';

/** A phase took longer than its bound. `condition` is `timeout`, or `deadline` where the whole attempt took too long. */
export class XmppTimeoutError extends XmppError {
  override readonly name: string = 'XmppTimeoutError';
  readonly layer = 'timeout' as const;
  /** The bound, in milliseconds. */
  readonly due: number;

  constructor(phase: Phase, due: number, text?: string, condition: 'timeout' | 'deadline' = 'timeout') {
    super({ condition, phase, retryable: true, text: text ?? `nothing within ${due} ms` });
    this.due = due;
  }
}
