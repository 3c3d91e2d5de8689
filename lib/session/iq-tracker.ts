import { Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { jid, type Jid } from '../jid/jid.js';
import { stanzaError } from '../stream/stanza-error-of.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import { Deadlines, type Due } from './deadlines.js';

interface Pending extends Due {
  readonly id: string;
  readonly to: string | undefined;
  readonly subscriber: Subscriber<XmlElement>;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Requests that await their answer. A reply is matched by kind, id *and* sender (RFC 6120 section 8.1.2.1): ids alone can
 * be guessed or repeated by a stranger (CVE-2014-0364). A Map finds the request, so thousands in flight cost no more than
 * one.
 */
export class IqTracker {
  readonly #pending = new Map<string, Pending>();
  readonly #deadlines: Deadlines<Pending>;
  readonly #prefix: string;
  #count = 0;

  constructor(scheduler: SchedulerLike, random: () => number) {
    this.#deadlines = new Deadlines(scheduler, (pending) => {
      if (!this.#pending.delete(pending.id)) return;
      const whom = pending.to === undefined ? 'the server' : pending.to;
      pending.subscriber.error(
        new XmppTimeoutError('online', pending.due, `no answer from ${whom} within ${pending.due} ms`),
      );
    });
    this.#prefix = (random().toString(36) + random().toString(36)).replaceAll('0.', '').slice(0, 16);
  }

  get size(): number {
    return this.#pending.size;
  }

  /** An id that nobody can guess and that does not come again. */
  nextId(): string {
    return `${this.#prefix}${(this.#count++).toString(36)}`;
  }

  /**
   * A cold request: each subscription sends one, with an id of its own, and emits the answer of type `result`. Unsubscribing
   * forgets it.
   *
   * @param send May throw; the request fails then.
   */
  request(
    type: 'get' | 'set',
    payload: XmlElement,
    to: string | undefined,
    due: number,
    send: (iq: XmlElement) => void,
  ): Observable<XmlElement> {
    return new Observable((subscriber) => {
      const id = this.nextId();
      // With all its fields, so that all of them are of one shape.
      const links = { at: 0, queue: undefined, before: undefined, after: undefined };
      const pending: Pending = { id, to, due, subscriber, ...links };
      this.#pending.set(id, pending);
      subscriber.add(() => {
        if (this.#pending.delete(id)) this.#deadlines.remove(pending);
      });
      try {
        send(xml('iq', { type, id, to }, payload));
        // Not before: what cannot be sent (the session is over, say) is to leave no timer.
        if (!subscriber.closed) this.#deadlines.add(pending);
      } catch (error) {
        subscriber.error(error);
      }
    });
  }

  /** Gives a reply to its request. `false` where nobody waits for it. */
  settle(reply: XmlElement, own: Jid): boolean {
    const id = reply.attrs.id;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (!pending || !isFromAddressee(reply.attrs.from, pending.to, own)) return false;
    this.#pending.delete(pending.id);
    this.#deadlines.remove(pending);
    const { subscriber } = pending;
    if (reply.attrs.type === 'error') {
      subscriber.error(stanzaError(reply));
    } else {
      subscriber.next(reply);
      subscriber.complete();
    }
    return true;
  }

  /** Settles a request that is not to be sent. */
  reject({ name, attrs: { type, id } }: XmlElement, error: XmppError): void {
    const pending = name === 'iq' && (type === 'get' || type === 'set') && this.#pending.get(id ?? '');
    if (!pending) return;
    this.#pending.delete(pending.id);
    this.#deadlines.remove(pending);
    pending.subscriber.error(error);
  }

  /**
   * Settles what is pending: no answer can come any more.
   *
   * @param spared The ids of requests that have yet to be sent.
   */
  fail(error: XmppError, spared: ReadonlySet<string> = NONE): void {
    const all = [...this.#pending.values()].filter(({ id }) => !spared.has(id));
    for (const pending of all) {
      this.#pending.delete(pending.id);
      this.#deadlines.remove(pending);
    }
    if (this.#pending.size === 0) this.#deadlines.clear();
    for (const { subscriber } of all) subscriber.error(error);
  }
}

/**
 * Who may answer (RFC 6120 section 8.1.2.1): the addressee. A request without `to` goes to our own account, for which the
 * server answers with no `from`, our bare or full JID, or, in older servers, its own domain. What is addressed to the
 * account or the domain outright may come back without `from` too.
 */
function isFromAddressee(from: string | undefined, to: string | undefined, own: Jid): boolean {
  if (from === to) return true;
  const bare = own.bare().toString();
  if (to === undefined) return from === bare || from === own.toString() || from === own.domain;
  if (from === undefined) return sameJid(to, bare) || sameJid(to, own.domain);
  return sameJid(from, to);
}

function sameJid(a: string, b: string): boolean {
  try {
    return jid(a).equals(jid(b));
  } catch {
    return false;
  }
}
