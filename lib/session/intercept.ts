import { defer, noop, of, Subscription, type MonoTypeOperatorFunction } from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import { raise } from '../stream/raise.js';
import { serialize } from '../xml/serialize.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Outgoing } from './delivery.js';
import type { Interceptors } from './gates.js';

/**
 * An operator for one stanza: its source emits the stanza and completes. What it emits goes on in place of it, and nothing if it
 * emits nothing. So `filter` drops, `map` changes, `delay` delays, `mergeMap` and `endWith` add.
 */
export type Interceptor = MonoTypeOperatorFunction<XmlElement>;

export interface InterceptConfig {
  /** For what the server sends, first to last, before anybody else gets it. */
  readonly inbound?: readonly Interceptor[];
  /** For what is sent, first to last, before it is counted and written. */
  readonly outbound?: readonly Interceptor[];
}

/**
 * Puts operators between a session and its stanzas. For the option `interceptors`.
 *
 * ```text
 * sent                        --a--b-----c---
 * outbound: [delay(3) for a]  -----a-----c---      order is kept: b is ready at once, and waits for a
 *                                  b
 * ```
 *
 * ```ts
 * interceptors: intercept({
 *   outbound: [map((stanza) => (stanza.name === 'message' ? receiptRequested(stanza) : stanza))],
 *   inbound: [filter((stanza) => !blocked.has(stanza.attrs.from))],
 * })
 * ```
 *
 * - Messages, presences and IQs pass, answers and our own replies included. Stream management and other nonzas do not, and
 *   neither does what is sent again after a resumption.
 * - Outbound, the first stanza to come out with the `name` and `id` of the one that went in stands for it in its delivery. Where
 *   none does, the delivery ends with `filtered`, and a request with `StanzaError` `filtered`. Others that come out are sent
 *   as by `send()`. What an operator errors with fails the delivery (`delivery-failed`); the session goes on.
 * - Inbound, a stanza is counted for XEP-0198 when it came, whatever becomes of it. A request that is dropped is not answered.
 *   What an operator errors with is reported as RxJS does it, and the stanza is dropped.
 * - All of it belongs to one session on one stream: what has not come out when that ends never does, and its delivery fails.
 */
export function intercept({ inbound = [], outbound = [] }: InterceptConfig): Interceptors {
  return (ends) => {
    const [inside, outside] = [new OrderlyGate(inbound), new OrderlyGate(outbound)];
    const held = new Set<Outgoing>();
    const reports = new Subscription();
    /** Settles the request of a stanza that is not to be sent, if it is one. */
    const reject = ({ name, attrs: { type, id } }: XmlElement, error: XmppError) => {
      if (name === 'iq' && (type === 'get' || type === 'set')) ends.memory.iqs.fail(error, (asked) => asked === id);
    };
    const lose = (outgoing: Outgoing, error: XmppError) => {
      outgoing.lost(error);
      reject(outgoing.stanza, error);
    };
    return {
      inbound: (stanza) =>
        inside.push(stanza, {
          next: (result) => ends.take(result),
          // Thrown at a subscriber's, so that it is told as RxJS tells it, and harms no session.
          error: (error) => reports.add(of(error).subscribe(raise)),
          complete: noop,
        }),
      outbound: (outgoing) => {
        const { stanza } = outgoing;
        // What cannot be written fails now, and not behind the back of its sender.
        serialize(stanza);
        outgoing.intercepted = true;
        outgoing.queued();
        held.add(outgoing);
        outside.push(stanza, {
          next: (result) => {
            const itself = held.has(outgoing) && result.name === stanza.name && result.attrs.id === stanza.attrs.id;
            const out = itself ? outgoing : ends.memory.outgoing(result);
            out.intercepted = true;
            if (itself) {
              held.delete(outgoing);
              outgoing.stanza = result;
            }
            try {
              ends.transmit(out);
            } catch (error) {
              lose(out, error as XmppError);
            }
          },
          error: (cause) => {
            if (held.delete(outgoing)) lose(outgoing, new StanzaError({ condition: 'interceptor-failed', cause }));
          },
          complete: () => {
            if (!held.delete(outgoing)) return;
            outgoing.filtered();
            reject(stanza, new StanzaError({ condition: 'filtered', text: 'an interceptor dropped it' }));
          },
        });
      },
      close: (reason) => {
        inside.close();
        outside.close();
        for (const outgoing of held) lose(outgoing, reason);
        held.clear();
      },
    };
  };
}

/** Where what comes of one stanza goes: any number of stanzas, then the end of them. */
interface GateExit {
  next(stanza: XmlElement): void;
  error(error: unknown): void;
  complete(): void;
}

/** One stanza on its way: what has come of it, while those before it are not through yet. */
interface Passage {
  readonly exit: GateExit;
  readonly waiting: ((exit: GateExit) => void)[];
  ended: boolean;
}

/** Lets every stanza in at once, and out in order. */
class OrderlyGate {
  readonly #operators: readonly Interceptor[];
  readonly #held = new Subscription();
  #passages: Passage[] = [];

  constructor(operators: readonly Interceptor[]) {
    this.#operators = operators;
  }

  push(stanza: XmlElement, exit: GateExit): void {
    if (this.#held.closed) return;
    const passage: Passage = { exit, waiting: [], ended: false };
    this.#passages.push(passage);
    const tell = (what: (exit: GateExit) => void, last = false) => {
      passage.ended ||= last;
      passage.waiting.push(what);
      if (this.#passages[0] === passage) this.#drain();
    };
    // An operator may throw as it is applied, and that is an error of its result like any other.
    const operated$ = defer(() => this.#operators.reduce((source, operator) => source.pipe(operator), of(stanza)));
    const passing = operated$.subscribe({
      next: (result) => tell((to) => to.next(result)),
      error: (error: unknown) => tell((to) => to.error(error), true),
      complete: () => tell((to) => to.complete(), true),
    });
    this.#held.add(passing);
  }

  close(): void {
    this.#passages = [];
    this.#held.unsubscribe();
  }

  /** Tells what the first one has to tell, and where that is through, the next. */
  #drain(): void {
    for (let first = this.#passages[0]; first; first = this.#passages[0]) {
      // Told one by one: whoever is told may send another, or close the gate.
      const what = first.waiting.shift();
      if (what) what(first.exit);
      else if (first.ended) this.#passages.shift();
      else return;
    }
  }
}
