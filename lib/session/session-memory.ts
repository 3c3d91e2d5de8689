import { noop, Subject, type SchedulerLike, type Subscriber } from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import type { Enabled, ManagedSession, Resumption } from '../stream/management/resumption.js';
import { increment, Unacknowledged } from '../stream/management/unacknowledged.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Outgoing, type Delivery, type Undelivered } from './delivery.js';
import { IqTracker } from './iq-tracker.js';
import { RequestHandlers } from './request-handlers.js';

export interface SessionMemoryConfig {
  /** Who answers; shared by all sessions of a client. */
  readonly handlers?: RequestHandlers;
  readonly undelivered$?: Subject<Undelivered>;
  /** Whether messages of a session that could not be resumed are sent again on the next one, marked as delayed (XEP-0203). */
  readonly resendLost?: boolean;
}

/** What a new process needs to go on with the session. */
export interface Resumable extends Resumption {
  readonly handled: number;
  readonly acknowledged: number;
  readonly unacknowledged: readonly Pick<Outgoing, 'stanza' | 'at'>[];
}

/**
 * What belongs to a session rather than to the stream that carries it, and so goes on when the session is resumed on
 * another stream (XEP-0198 section 5): pending requests, handlers, what is not acknowledged, and the counters.
 */
export class SessionMemory implements ManagedSession {
  readonly iqs: IqTracker;
  readonly handlers: RequestHandlers;
  readonly undelivered$: Subject<Undelivered>;
  /** Emits whenever `resumable` may have changed. */
  readonly changed$ = new Subject<void>();

  readonly #scheduler: SchedulerLike;
  readonly #resendLost: boolean;
  /** What was accepted while there was no session, oldest first. */
  #waiting: Outgoing[] = [];
  #managed = false;
  #resumption: Resumption | undefined;
  #handled = 0;
  /** Stanzas to come that came before they were counted. */
  #early = 0;
  #unacknowledged = new Unacknowledged<Outgoing>();

  constructor(scheduler: SchedulerLike, random: () => number, config: SessionMemoryConfig = {}) {
    this.iqs = new IqTracker(scheduler, random);
    this.handlers = config.handlers ?? new RequestHandlers();
    this.undelivered$ = config.undelivered$ ?? new Subject();
    this.#scheduler = scheduler;
    this.#resendLost = config.resendLost ?? false;
  }

  /** Whether stanzas are counted. */
  get managed(): boolean {
    return this.#managed;
  }

  get resumption(): Resumption | undefined {
    return this.#resumption;
  }

  get handled(): number {
    return this.#handled;
  }

  /** What was sent and not acknowledged, oldest first. */
  get unacknowledged(): readonly Outgoing[] {
    return this.#unacknowledged.list();
  }

  get allAcknowledged(): boolean {
    return this.#unacknowledged.size === 0;
  }

  /** Whether the session can outlive its stream, and what is needed for it. */
  get resumable(): Resumable | undefined {
    if (!this.#resumption) return undefined;
    const { acknowledged } = this.#unacknowledged;
    return { ...this.#resumption, handled: this.#handled, acknowledged, unacknowledged: this.unacknowledged };
  }

  /** Goes on where another process was. */
  restore({ handled, acknowledged, unacknowledged, ...resumption }: Resumable): void {
    const items = unacknowledged.map(({ stanza, at }) => {
      const outgoing = new Outgoing(stanza, at, undefined, this.#tell);
      outgoing.handedOver = true;
      return outgoing;
    });
    this.#managed = true;
    this.#resumption = resumption;
    this.#handled = handled;
    // It may have been stopped in the midst of anything.
    this.#unacknowledged = new Unacknowledged(acknowledged, items, true);
  }

  /** @param observer Whoever follows the delivery; a loss is told on `undelivered$` where nobody does. */
  outgoing(stanza: XmlElement, observer?: Subscriber<Delivery>): Outgoing {
    return new Outgoing(stanza, this.#scheduler.now(), observer, this.#tell);
  }

  /** A request: what becomes of it is told to whoever awaits the answer. */
  outgoingRequest(stanza: XmlElement): Outgoing {
    return new Outgoing(stanza, this.#scheduler.now(), undefined, noop);
  }

  // What waits for a session.

  get waiting(): number {
    return this.#waiting.length;
  }

  wait(outgoing: Outgoing): void {
    this.#waiting.push(outgoing);
    outgoing.queued();
  }

  /** Takes back what nobody is interested in any more, if it still waits. */
  withdraw(outgoing: Outgoing): void {
    const index = this.#waiting.indexOf(outgoing);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    outgoing.withdrawn();
  }

  /** Hands all of it out, oldest first. */
  takeWaiting(): Outgoing[] {
    return this.#waiting.splice(0);
  }

  // What is counted.

  enabled({ resumption, early = 0 }: Enabled): void {
    this.#managed = true;
    this.#resumption = resumption;
    this.#handled = 0;
    this.#early = early;
    this.#unacknowledged = new Unacknowledged();
    this.#changed();
  }

  resumed(h: number | undefined): boolean {
    if (h !== undefined && this.acknowledge(h)) return true;
    this.lose(lost('the server acknowledged what was never sent'));
    return false;
  }

  resumeFailed(h: number | undefined, condition: string): void {
    // Some servers still know how far they had come (section 5); the rest is lost.
    if (h !== undefined) this.acknowledge(h);
    this.#giveUp(lost(`the server could not resume the session (${condition})`));
  }

  received(): void {
    if (!this.#managed) return;
    if (this.#early > 0) {
      this.#early--;
      return;
    }
    this.#handled = increment(this.#handled);
    this.#changed();
  }

  sent(outgoing: Outgoing): void {
    this.#unacknowledged.push(outgoing);
    this.#changed();
  }

  /** The last one was not sent after all. */
  unsent(): void {
    this.#unacknowledged.pop();
    this.#changed();
  }

  /** @returns Whether `h` can be true. */
  acknowledge(h: number): boolean {
    const acknowledged = this.#unacknowledged.acknowledge(h);
    if (!acknowledged) return false;
    this.#changed();
    for (const outgoing of acknowledged) outgoing.acknowledged();
    return true;
  }

  // How it ends.

  /** The session cannot be resumed any more. */
  forget(): void {
    this.#resumption = undefined;
    this.#changed();
  }

  /** The stream is lost, and there may be another: to resume the session, or for a new one. */
  suspend(reason: XmppError): void {
    if (!this.#resumption) this.#giveUp(reason);
  }

  /** There will be no other session: what waited for one is settled too. */
  stop(reason: XmppError): void {
    const waiting = this.takeWaiting();
    this.lose(reason);
    for (const outgoing of waiting) outgoing.lost(reason);
  }

  /** The session is over for good: all that belonged to it is settled, with the reason. */
  lose(reason: XmppError): void {
    const unacknowledged = this.#unacknowledged.list();
    this.#managed = false;
    this.#resumption = undefined;
    this.#handled = 0;
    this.#unacknowledged = new Unacknowledged();
    this.#changed();
    for (const outgoing of unacknowledged) outgoing.lost(reason);
    // A request that has yet to be sent belongs to the next session.
    const requests = this.#waiting.filter(({ stanza }) => stanza.name === 'iq');
    this.iqs.fail(reason, new Set(requests.map(({ stanza }) => stanza.attrs.id!)));
  }

  #giveUp(reason: XmppError): void {
    if (this.#resendLost) this.#keepMessages();
    this.lose(reason);
  }

  /**
   * Puts what may have been lost before what waits. Only messages: a presence is stale by now, and nobody awaits the answer
   * to a request any more.
   */
  #keepMessages(): void {
    const unacknowledged = this.unacknowledged;
    const messages = unacknowledged.filter(({ stanza }) => stanza.name === 'message');
    this.#unacknowledged = new Unacknowledged(
      0,
      unacknowledged.filter(({ stanza }) => stanza.name !== 'message'),
    );
    for (const outgoing of messages) outgoing.delay();
    this.#waiting.unshift(...messages);
  }

  #changed(): void {
    if (this.changed$.observed) this.changed$.next();
  }

  readonly #tell = (loss: Undelivered): void => this.undelivered$.next(loss);
}

/** The error that tells of a lost session. */
export function lost(text: string, cause?: XmppError): StanzaError {
  return new StanzaError({ condition: 'session-lost', text, cause, type: 'wait' });
}
