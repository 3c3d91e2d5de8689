import { XmppError } from '../../lib/errors/xmpp-error.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import type { Violations } from './violations.js';

const TERMINAL = new Set(['closed', 'failed', 'cancelled']);

/** Watches what one client tells of its attempts (I1, I3, I11). */
export class TraceAudit {
  #attempt = 0;
  #ended = true;
  #begun = 0;
  #online = false;

  constructor(
    private readonly violations: Violations,
    private readonly deadline: number,
  ) {}

  see(event: TraceEvent): void {
    const { violations } = this;
    const what = () => `attempt ${event.attempt} ${event.type}, after attempt ${this.#attempt}`;
    if (event.attempt !== this.#attempt) {
      violations.check(event.attempt === this.#attempt + 1 && this.#ended, 'I1', what);
      this.#attempt = event.attempt;
      this.#ended = false;
      this.#online = false;
      this.#begun = event.time;
    } else {
      violations.check(!this.#ended, 'I1', () => `${what()} (ended)`);
    }
    if (event.type === 'online') this.#online = true;
    if (!this.#online) {
      const took = event.time - this.#begun;
      violations.check(took <= this.deadline, 'I3', () => `${event.type} after ${took} ms of attempt ${event.attempt}`);
    }
    if (TERMINAL.has(event.type)) this.#ended = true;
    if (event.type === 'failed') {
      violations.check(event.error instanceof XmppError && event.error.phase !== undefined, 'I11', () =>
        String(event.error),
      );
    }
  }

  /** Nothing is under way any more. */
  finish(): void {
    this.violations.check(this.#ended, 'I1', () => `attempt ${this.#attempt} has no end`);
  }
}
