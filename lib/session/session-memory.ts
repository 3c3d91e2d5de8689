import { Subject, Subscription, type SchedulerLike, type Subscriber, type Unsubscribable } from 'rxjs';
import type { StanzaError } from '../errors/stanza-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import type { Enabled, ManagedSession, Resumption } from '../stream/management/resumption.js';
import { increment, Unacknowledged } from '../stream/management/unacknowledged.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Outgoing, unsent, type Delivery, type Undelivered } from './delivery.js';
import { IqTracker } from './iq-tracker.js';
import type { LiveSession } from './live-session.js';
import { RequestHandlers } from './request-handlers.js';

export interface SessionMemoryConfig {
  /** Who answers; shared by all sessions of a client. */
  readonly handlers?: RequestHandlers;
  readonly undelivered$?: Subject<Undelivered>;
  /** Whether messages of a session that could not be resumed are sent again on the next one, marked as delayed (XEP-0203). */
  readonly resendLost?: boolean;
  /** Milliseconds to the answer of an `iq()`; 30,000 by default. */
  readonly iqTimeout?: number;
}

/**
 * What belongs to a session rather than to the stream that carries it, and so goes on when the session is resumed on
 * another stream (XEP-0198 section 5): pending requests, handlers, what is not acknowledged, and the counters.
 */
export class SessionMemory implements ManagedSession {
  readonly iqs: IqTracker;
  readonly handlers: RequestHandlers;
  readonly undelivered$: Subject<Undelivered>;
  /** Is called whenever something has changed that is needed to resume it. */
  onChange: (() => void) | undefined;
  /** What saves it; let go of when it is stopped. */
  keeping: Unsubscribable | undefined;
  /** Whether stanzas are counted. */
  managed = false;
  resumption: Resumption | undefined;
  handled = 0;
  unanswered = 0;
  /** The session on the stream that it has now, or had last. */
  live: LiveSession | undefined;
  /** Answers that were ready when there was no stream. */
  late: (() => void)[] = [];
  /** What was sent and not acknowledged. */
  unacknowledged = new Unacknowledged<Outgoing>();
  /** What was accepted while there was no session, oldest first. What has settled nobody is interested in any more. */
  waiting: Outgoing[] = [];

  /** Who answers a request takes the time that it needs; none before the first. */
  #answers: Subscription | undefined;
  readonly #scheduler: SchedulerLike;
  readonly #resendLost: boolean;
  /** Stanzas to come that came before they were counted. */
  #early = 0;

  constructor(scheduler: SchedulerLike, random: () => number, config: SessionMemoryConfig = {}) {
    this.iqs = new IqTracker(scheduler, random, config.iqTimeout);
    this.handlers = config.handlers ?? new RequestHandlers();
    this.undelivered$ = config.undelivered$ ?? new Subject();
    this.#scheduler = scheduler;
    this.#resendLost = config.resendLost ?? false;
  }

  /**
   * @param observer Whoever follows the delivery.
   * @param quiet Whether a loss is told to nobody else.
   */
  outgoing(stanza: XmlElement, observer?: Subscriber<Delivery>, quiet = false): Outgoing {
    return new Outgoing(stanza, this.#scheduler.now(), observer, quiet ? undefined : this.undelivered$);
  }

  // What is counted.

  enabled({ resumption, early = 0 }: Enabled): void {
    this.managed = true;
    this.resumption = resumption;
    this.handled = this.unanswered = 0;
    this.#early = early;
    this.unacknowledged = new Unacknowledged();
    this.onChange?.();
  }

  resumed(h: number | undefined): boolean {
    this.unanswered = 0;
    if (h !== undefined && this.acknowledge(h)) return true;
    this.lose(lost('impossible acknowledgement'));
    return false;
  }

  resumeFailed(h: number | undefined, condition: string): void {
    // Some servers still know how far they had come (section 5); the rest is lost.
    if (h !== undefined) this.acknowledge(h);
    this.forget();
    this.lose(lost(`not resumed (${condition})`), true);
  }

  received(): void {
    if (!this.managed || this.#early-- > 0) return;
    this.handled = increment(this.handled);
    this.onChange?.();
  }

  sent(outgoing: Outgoing): void {
    this.unacknowledged.push(outgoing);
    this.onChange?.();
  }

  /** The last one was not sent after all. */
  unsent(): void {
    this.unacknowledged.pop();
    this.onChange?.();
  }

  /** @returns Whether `h` can be true. */
  acknowledge(h: number): boolean {
    const acknowledged = this.unacknowledged.acknowledge(h);
    if (!acknowledged) return false;
    this.onChange?.();
    for (const outgoing of acknowledged) outgoing.acknowledged();
    return true;
  }

  /** Answers a request, unless the session is lost before. */
  answer(iq: XmlElement, reply: (answer: XmlElement) => void): void {
    (this.#answers ??= new Subscription()).add(this.handlers.answer(iq).subscribe(reply));
  }

  // How it ends.

  /** The session cannot be resumed any more. */
  forget(): void {
    this.resumption = undefined;
    this.onChange?.();
  }

  /** There will be no other session: what waited for one is settled too. */
  stop(reason: XmppError): void {
    const waiting = this.waiting.splice(0);
    this.lose(reason);
    for (const outgoing of waiting) outgoing.lost(reason);
    this.keeping?.unsubscribe();
  }

  /**
   * The stream is lost, and with it the session: all that belonged to it is settled, with the reason.
   *
   * @param again Whether there may be another stream: what can be resumed lives on, and what is to be resent is put before what
   *   waits. Only messages: a presence is stale by then, and nobody awaits the answer to a request any more.
   */
  lose(reason: XmppError, again = false): void {
    if (again && this.resumption) return;
    this.#answers?.unsubscribe();
    this.live = this.#answers = undefined;
    this.late = [];
    const unacknowledged = this.unacknowledged.list();
    const isResent = ({ stanza }: Outgoing) => again && this.#resendLost && stanza.name === 'message';
    const resent = unacknowledged.filter(isResent);
    for (const outgoing of resent) outgoing.delay();
    this.waiting = resent.concat(this.waiting);
    this.enabled({ resumption: undefined });
    this.managed = false;
    for (const outgoing of unacknowledged) if (!isResent(outgoing)) outgoing.lost(reason);
    // A request that has yet to be sent belongs to the next session.
    const requests = new Set(this.waiting.map(({ stanza: { name, attrs } }) => name === 'iq' && attrs.id));
    this.iqs.fail(reason, (id) => !requests.has(id));
  }
}

/** The error that tells of a lost session. */
export function lost(text: string, cause?: XmppError): StanzaError {
  return unsent('session-lost', text, cause);
}
