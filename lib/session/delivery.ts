import type { Observer, Subscriber } from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';

/**
 * How far a stanza has come:
 * - `queued`: accepted, in order;
 * - `written`: handed to the operating system. Without stream management nothing more can be known, and it is the last;
 * - `acked`: the server has taken it over (XEP-0198);
 * - `filtered`: an interceptor dropped it, and it is never sent.
 */
export interface Delivery {
  readonly state: 'queued' | 'written' | 'acked' | 'filtered';
  readonly stanza: XmlElement;
}

/** A stanza that was sent and has not, or not surely, arrived. */
export interface Undelivered {
  readonly stanza: XmlElement;
  /** `delivery-failed`: no connection was ever given it. `delivery-unknown`: one was, and it may or may not have arrived. */
  readonly error: StanzaError;
}

/** How far a stanza comes, in order. */
const STATES = ['queued', 'written', 'acked'] as const;

/** One stanza on its way out. It settles exactly once: acknowledged, or failed. */
export class Outgoing {
  /** Whether a connection was given it: from then on it may have arrived. */
  handedOver = false;
  /** Whether it is acknowledged by the server (XEP-0198), and so not settled when it is written. */
  counted = false;
  /** Whether the interceptors have seen it. */
  intercepted = false;
  /** Whether nothing more is told of it. */
  settled = false;
  readonly #observer: Subscriber<Delivery> | undefined;
  readonly #losses: Pick<Observer<Undelivered>, 'next'> | undefined;
  /** How many of the states were told. */
  #told = 0;

  /**
   * @param at When it was sent, in milliseconds since 1970.
   * @param observer Whoever follows the delivery.
   * @param losses Is told of the loss where nobody does.
   */
  constructor(
    public stanza: XmlElement,
    readonly at: number,
    observer: Subscriber<Delivery> | undefined,
    losses?: Pick<Observer<Undelivered>, 'next'>,
  ) {
    this.#observer = observer;
    this.#losses = losses;
  }

  /** Says in the stanza when it was first sent, since it is sent anew (XEP-0203). */
  delay(): void {
    const { name, attrs, xmlns, children } = this.stanza;
    if (this.stanza.child('delay', NS.delay)) return;
    const stamp = new Date(this.at).toISOString();
    this.stanza = xml(name, xmlns ? { ...attrs, xmlns } : attrs, ...children, xml('delay', { xmlns: NS.delay, stamp }));
  }

  /** It was accepted, in order. */
  queued(): void {
    this.#reach(1);
  }

  /** @param last Whether no acknowledgement is to come. */
  written(last: boolean): void {
    this.#reach(2, last);
  }

  /** The server has it, whether the operating system has told or not. */
  acknowledged(): void {
    this.#reach(3, true);
  }

  /** It is not to be sent. */
  filtered(): void {
    if (!this.settled) this.#observer?.next({ state: 'filtered', stanza: this.stanza });
    this.#reach(0, true);
  }

  /** It was taken back, and nobody is to be told. */
  withdrawn(): void {
    this.settled = true;
  }

  /** The session is gone, or the stanza was never taken. */
  lost(cause: XmppError): void {
    if (this.settled) return;
    this.settled = true;
    const error = this.handedOver
      ? unsent('delivery-unknown', 'not known to have arrived', cause)
      : unsent('delivery-failed', 'never sent', cause);
    if (this.#observer && !this.#observer.closed) this.#observer.error(error);
    else this.#losses?.next({ stanza: this.stanza, error });
  }

  /** Each state is told once: what is resent after a resumption is written twice. */
  #reach(count: number, last = false): void {
    while (!this.settled && this.#told < count) {
      const state = STATES[this.#told++]!;
      this.#observer?.next({ state, stanza: this.stanza });
    }
    if (!last || this.settled) return;
    this.settled = true;
    this.#observer?.complete();
  }
}

/** The error for what is not, or not surely, sent: later it may be. */
export function unsent(condition: string, text: string, cause?: XmppError): StanzaError {
  return new StanzaError({ condition, text, cause, type: 'wait' });
}
