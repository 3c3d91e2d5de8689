import { Subject } from 'rxjs';
import { StanzaError, type Delivery, type XmlElement } from '../../lib/index.js';
import type { Observable } from 'rxjs';

type Outcome = 'acked' | 'unknown' | 'failed';

interface Message {
  readonly sender: number;
  readonly number: number;
  outcome: Outcome | undefined;
  /** When it settled, in milliseconds. */
  at: number;
  received: number;
  returned: number;
}

export interface Counts {
  sent: number;
  acked: number;
  unknown: number;
  failed: number;
  received: number;
  /** Acknowledged, and neither received nor sent back. */
  lost: number;
  duplicated: number;
  reordered: number;
  returned: number;
}

/** Keeps the books of all messages of a phase, by id: what their senders were told, and what their receivers got. */
export class Tally {
  /** Emits with every change. */
  readonly changed$ = new Subject<void>();
  readonly violations: string[] = [];
  readonly #messages = new Map<string, Message>();
  /** The last number that each receiver got from each sender. */
  readonly #latest = new Map<string, number>();
  readonly #numbers = new Map<number, number>();
  #unsettled = 0;
  #awaited = 0;
  #reordered = 0;

  constructor(readonly name: string) {}

  /** A fresh id for a message of this sender. */
  nextId(sender: number): string {
    const number = this.#numbers.get(sender) ?? 0;
    this.#numbers.set(sender, number + 1);
    return `${this.name}:${sender}:${number}`;
  }

  follow(id: string, delivery$: Observable<Delivery>): void {
    const [, sender, number] = id.split(':').map(Number) as [number, number, number];
    const message: Message = { sender, number, outcome: undefined, at: 0, received: 0, returned: 0 };
    this.#messages.set(id, message);
    this.#unsettled++;
    let last = '';
    const settle = (outcome: Outcome) => {
      if (message.outcome) this.violations.push(`${id} settled twice: ${message.outcome}, ${outcome}`);
      else this.#unsettled--;
      message.outcome = outcome;
      message.at = Date.now();
      if (outcome === 'acked' && message.received === 0) this.#awaited++;
      this.changed$.next();
    };
    delivery$.subscribe({
      next: ({ state }) => (last = state),
      complete: () => {
        if (last !== 'acked') this.violations.push(`${id} completed as ${last || 'nothing'}`);
        settle('acked');
      },
      error: (error: unknown) => {
        if (!(error instanceof StanzaError)) this.violations.push(`${id} failed with ${String(error)}`);
        settle(error instanceof StanzaError && error.condition === 'delivery-unknown' ? 'unknown' : 'failed');
      },
    });
  }

  /** A message reached a receiver, or came back to its sender. */
  receive(receiver: string, stanza: XmlElement): void {
    const id = stanza.attrs.id ?? '';
    const message = this.#messages.get(id);
    if (!message) return;
    if (stanza.attrs.type === 'error') {
      message.returned++;
      if (message.outcome === 'acked' && message.received === 0 && message.returned === 1) this.#awaited--;
    } else {
      message.received++;
      if (message.outcome === 'acked' && message.received === 1 && message.returned === 0) this.#awaited--;
      const way = `${receiver} ${message.sender}`;
      const latest = this.#latest.get(way) ?? -1;
      if (latest > message.number && message.received === 1) this.#reordered++;
      this.#latest.set(way, Math.max(latest, message.number));
    }
    this.changed$.next();
  }

  get settled(): boolean {
    return this.#unsettled === 0;
  }

  /** Whether all that was acknowledged has arrived. */
  get arrived(): boolean {
    return this.settled && this.#awaited <= 0;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** What was acknowledged at this time or later, and has neither arrived nor come back. */
  missing(since: number): string[] {
    const missing = [...this.#messages].filter(
      ([, { outcome, at, received, returned }]) => outcome === 'acked' && at >= since && received + returned === 0,
    );
    return missing.map(([id]) => id);
  }

  /** @param before Of what was acknowledged before this time it is not asked whether it has arrived. */
  audit(before = 0): Counts {
    const counts: Counts = {
      ...{ sent: 0, acked: 0, unknown: 0, failed: 0, received: 0, lost: 0, duplicated: 0 },
      ...{ reordered: this.#reordered, returned: 0 },
    };
    for (const [id, { outcome, at, received, returned }] of this.#messages) {
      counts.sent++;
      if (outcome) counts[outcome]++;
      else this.violations.push(`${id} never settled`);
      if (received > 0) counts.received++;
      if (received > 1) counts.duplicated++;
      if (returned > 0) counts.returned++;
      if (outcome === 'failed' && received > 0) this.violations.push(`${id} failed, and arrived`);
      if (outcome === 'acked' && received === 0 && returned === 0) {
        counts.lost++;
        if (at >= before) this.violations.push(`${id} was acknowledged, and never arrived`);
      }
      if (received > 1) this.violations.push(`${id} arrived ${received} times`);
    }
    return counts;
  }
}
