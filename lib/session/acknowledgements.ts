import { Subscription, type SchedulerLike } from 'rxjs';
import { impossibleCount } from '../stream/features/stream-management.js';
import { parseCount } from '../stream/management/unacknowledged.js';
import type { XmlStream } from '../stream/xml-stream.js';
import { NS } from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { SessionMemory } from './session-memory.js';

/** When acknowledgements are asked for. */
export interface AckPolicy {
  /** After this many stanzas; 16 by default. */
  readonly every: number;
  /** At the latest so many milliseconds after a stanza; 1,000 by default, `Infinity` for never. */
  readonly after: number;
}

export const DEFAULT_ACK_POLICY: AckPolicy = { every: 16, after: 1_000 };

/** The traffic of XEP-0198 on one stream: asks for acknowledgements, takes them, and gives ours. */
export class Acknowledgements {
  readonly #stream: XmlStream;
  readonly #memory: SessionMemory;
  readonly #scheduler: SchedulerLike;
  readonly #policy: AckPolicy;
  readonly #timers = new Subscription();
  /** Stanzas since the last request. */
  #unasked = 0;
  #asking: Subscription | undefined;
  #answering: Subscription | undefined;

  constructor(stream: XmlStream, memory: SessionMemory, scheduler: SchedulerLike, policy: AckPolicy) {
    this.#stream = stream;
    this.#memory = memory;
    this.#scheduler = scheduler;
    this.#policy = policy;
  }

  /** A stanza was sent. */
  sent(): void {
    this.#unasked++;
    if (this.#unasked >= this.#policy.every) this.ask();
    else this.#askLater();
  }

  /** Asks for an acknowledgement. */
  ask(): void {
    this.#asking?.unsubscribe();
    this.#asking = undefined;
    this.#unasked = 0;
    this.#stream.send(REQUEST);
  }

  /** Takes an element of stream management; `false` if it is none. */
  receive(element: XmlElement): boolean {
    if (element.xmlns !== NS.sm) return false;
    if (element.name === 'r') {
      this.#answerLater();
      return true;
    }
    if (element.name !== 'a') return false;
    const h = parseCount(element.attrs.h);
    if (h === undefined || !this.#memory.acknowledge(h)) {
      // Nothing that the server counts can be believed any more.
      this.#memory.forget();
      this.#stream.reject(impossibleCount(element.attrs.h));
      return true;
    }
    if (!this.#memory.allAcknowledged) this.#askLater();
    return true;
  }

  /** Tells the server how far we have come. */
  answer(): void {
    this.#answering?.unsubscribe();
    this.#answering = undefined;
    this.#stream.send(xml('a', { xmlns: NS.sm, h: this.#memory.handled }));
  }

  dispose(): void {
    this.#timers.unsubscribe();
  }

  #askLater(): void {
    if (this.#asking || this.#policy.after === Infinity) return;
    this.#asking = this.#later(this.#policy.after, () => {
      this.#asking = undefined;
      this.ask();
    });
  }

  /** One answer serves all requests that came together, however many (threat S8). */
  #answerLater(): void {
    this.#answering ??= this.#later(0, () => {
      this.#answering = undefined;
      this.answer();
    });
  }

  #later(due: number, task: () => void): Subscription {
    const timer = this.#scheduler.schedule(() => {
      this.#timers.remove(timer);
      timer.unsubscribe();
      task();
    }, due);
    this.#timers.add(timer);
    return timer;
  }
}

const REQUEST = xml('r', { xmlns: NS.sm });
