import type { Observable } from 'rxjs';
import { StanzaError } from '../../lib/errors/stanza-error.js';
import { XmlError } from '../../lib/errors/xml-error.js';
import type { Delivery } from '../../lib/session/delivery.js';
import type { Violations } from './violations.js';

export type Outcome = 'acked' | 'written' | 'failed' | 'unknown';

interface Entry {
  readonly id: string;
  /** The states that were told, in order. */
  readonly states: string[];
  outcome?: Outcome;
}

/** A message that the server has taken over, and the session that it came by. */
export interface Taken {
  readonly id: string;
  readonly session: string;
}

/** Keeps the books of one sender: what it sent, and what it was told became of it (I8). */
export class Ledger {
  readonly entries = new Map<string, Entry>();

  constructor(private readonly violations: Violations) {}

  follow(id: string, delivery$: Observable<Delivery>): void {
    const entry: Entry = { id, states: [] };
    this.entries.set(id, entry);
    const settle = (outcome: Outcome) => {
      this.violations.check(
        entry.outcome === undefined,
        'I8',
        () => `${id} settled twice: ${entry.outcome}, ${outcome}`,
      );
      entry.outcome = outcome;
    };
    delivery$.subscribe({
      next: ({ state }) => {
        this.violations.check(entry.outcome === undefined, 'I8', () => `${id} was told ${state} after the end`);
        entry.states.push(state);
      },
      complete: () => settle(entry.states.at(-1) === 'acked' ? 'acked' : 'written'),
      error: (error: unknown) => {
        const typed = error instanceof StanzaError || error instanceof XmlError;
        this.violations.check(typed, 'I11', () => `${id} failed with ${String(error)}`);
        settle(error instanceof StanzaError && error.condition === 'delivery-unknown' ? 'unknown' : 'failed');
      },
    });
  }

  count(outcome: Outcome): number {
    return [...this.entries.values()].filter((entry) => entry.outcome === outcome).length;
  }

  /** @param taken What the server has taken over from this sender, in its order. */
  audit(taken: readonly Taken[], { resends }: { readonly resends: boolean }): void {
    const { violations } = this;
    const times = new Map<string, number>();
    for (const { id } of taken) times.set(id, (times.get(id) ?? 0) + 1);
    for (const { id, outcome, states } of this.entries.values()) {
      const count = times.get(id) ?? 0;
      violations.check(outcome !== undefined, 'I8', () => `${id} never settled (${states.join(', ')})`);
      if (outcome === 'acked') violations.check(count > 0, 'I8', () => `${id} was acked and never arrived`);
      if (outcome === 'failed') violations.check(count === 0, 'I8', () => `${id} failed and arrived`);
      if (!resends) violations.check(count <= 1, 'I8', () => `${id} arrived ${count} times`);
    }
    if (resends) return;
    // Sessions that are not the same one resumed may overtake each other.
    for (const session of new Set(taken.map((message) => message.session))) {
      const ids = taken.filter((message) => message.session === session).map(({ id }) => id);
      const numbers = ids.map((id) => Number(id.split(':')[1]));
      const late = numbers.findIndex((number, index) => index > 0 && numbers[index - 1]! > number);
      violations.check(late < 0, 'I8', () => `out of order: ${ids.slice(late - 2, late + 3).join(' ')}`);
    }
  }
}
