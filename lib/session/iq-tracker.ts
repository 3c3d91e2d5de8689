import { Observable, type SchedulerLike, type Subscriber, type Subscription } from 'rxjs';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import type { Jid } from '../jid/jid.js';
import { sameJid } from '../jid/same-jid.js';
import { isFromServer } from '../stream/features/request.js';
import { stanzaError } from '../stream/stanza-error-of.js';
import { checkDue } from '../transport/timeouts.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Outgoing } from './delivery.js';

interface Pending {
  readonly to: string | undefined;
  /** Milliseconds to the answer; `Infinity` never falls due. */
  readonly due: number;
  /** When it falls due; `Infinity` before it is sent. */
  at: number;
  readonly subscriber: Subscriber<XmlElement>;
}

/** Before the first request; it stays empty. */
const NONE = /* #__PURE__ */ new Map<string, Pending>();

/**
 * Requests that await their answer. A reply is matched by kind, id *and* sender (RFC 6120 section 8.1.2.1): ids alone can
 * be guessed or repeated by a stranger (CVE-2014-0364). A Map finds the request, so thousands in flight cost no more than
 * one.
 */
export class IqTracker {
  /** In the order in which they were sent. */
  #pending = NONE;
  readonly #scheduler: SchedulerLike;
  readonly #due: number;
  readonly #prefix: string;
  #count = 0;
  /** One timer serves all of them: it is set for whatever falls due first, and not taken back when that is answered. */
  #timer: Subscription | undefined;
  #timerAt = Infinity;
  /** The shortest bound so far. */
  #shortest = Infinity;
  /** The time as it was last looked at, and how far the clock has been set back since the beginning. */
  #last = 0;
  #setBack = 0;

  /** @param due Milliseconds to the answer where a request does not say. */
  constructor(scheduler: SchedulerLike, random: () => number, due = 30_000) {
    this.#scheduler = scheduler;
    this.#due = due;
    this.#prefix = (random().toString(36) + random().toString(36)).replaceAll('0.', '').slice(0, 16);
  }

  /** An id that nobody can guess and that does not come again. */
  nextId(): string {
    return `${this.#prefix}${(this.#count++).toString(36)}`;
  }

  /**
   * A cold request: each subscription sends one, with an id of its own, and emits the answer of type `result`. Unsubscribing
   * forgets it.
   *
   * @param send May throw; the request fails then. What it returns, if anything, is withdrawn in the end.
   */
  request(
    type: 'get' | 'set',
    payload: XmlElement,
    to: string | undefined,
    due = this.#due,
    send: (iq: XmlElement) => Outgoing | undefined,
  ): Observable<XmlElement> {
    return new Observable((subscriber) => {
      checkDue('timeout', due);
      const id = this.nextId();
      const pending: Pending = { to, due, at: Infinity, subscriber };
      if (this.#pending === NONE) this.#pending = new Map();
      this.#pending.set(id, pending);
      let outgoing: Outgoing | undefined = undefined;
      subscriber.add(() => {
        this.#pending.delete(id);
        outgoing?.withdrawn();
      });
      outgoing = send(xml('iq', { type, id, to }, payload));
      // Not before: what cannot be sent (the session is over, say) is to leave no timer.
      if (subscriber.closed) return;
      pending.at = this.#now() + due;
      this.#shortest = Math.min(this.#shortest, due);
      this.#arm(pending.at);
    });
  }

  /** Gives a reply to its request. `false` where nobody waits for it. */
  settle(reply: XmlElement, own: Jid): boolean {
    const { id, from, type } = reply.attrs;
    const pending = this.#pending.get(id!);
    if (!pending || !isFromAddressee(from, pending.to, own)) return false;
    this.#pending.delete(id!);
    const { subscriber } = pending;
    if (type === 'error') {
      subscriber.error(stanzaError(reply));
    } else {
      subscriber.next(reply);
      subscriber.complete();
    }
    return true;
  }

  /**
   * Settles what is pending: no answer can come any more.
   *
   * @param which Tells by the id whether a request is meant; all are by default.
   */
  fail(error: XmppError, which: (id: string) => boolean = () => true): void {
    const failed = [...this.#pending].filter(([id]) => which(id) && this.#pending.delete(id));
    if (this.#pending.size === 0) {
      this.#timer?.unsubscribe();
      this.#timerAt = Infinity;
    }
    for (const [, { subscriber }] of failed) subscriber.error(error);
  }

  #arm(at: number): void {
    if (!(at < this.#timerAt)) return;
    this.#timer?.unsubscribe();
    this.#timerAt = at;
    this.#timer = this.#scheduler.schedule(() => this.#sweep(), at - this.#now());
  }

  /** The time, which never goes back: a clock that is set back would put off what is due. */
  #now(least = this.#last): number {
    const now = this.#scheduler.now();
    this.#setBack = Math.max(this.#setBack, least - now);
    return (this.#last = now + this.#setBack);
  }

  #sweep(): void {
    const now = this.#now(this.#timerAt);
    const overdue: Pending[] = [];
    let next = Infinity;
    for (const [id, pending] of this.#pending) {
      const { at, due } = pending;
      if (at <= now) {
        this.#pending.delete(id);
        overdue.push(pending);
      } else {
        // What was sent later falls due later still.
        if (at - due + this.#shortest >= next) break;
        next = Math.min(next, at);
      }
    }
    this.#timerAt = Infinity;
    this.#arm(next);
    for (const { to, due, subscriber } of overdue) {
      subscriber.error(new XmppTimeoutError('online', due, `no answer from ${to ?? 'the server'} within ${due} ms`));
    }
  }
}

/**
 * Who may answer (RFC 6120 section 8.1.2.1): the addressee. A request without `to` goes to our own account, for which the
 * server answers with no `from`, our bare or full JID, or, in older servers, its own domain. What is addressed to the
 * account or the domain outright may come back without `from` too.
 */
function isFromAddressee(from: string | undefined, to: string | undefined, own: Jid): boolean {
  if (to === undefined) return isFromServer(from, own);
  if (from === undefined) return sameJid(to, own.bare().toString()) || sameJid(to, own.domain);
  return sameJid(from, to);
}
