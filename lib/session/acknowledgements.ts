import { Subscription, type SchedulerLike } from 'rxjs';
import { impossibleCount } from '../stream/features/stream-management.js';
import { parseCount } from '../stream/management/unacknowledged.js';
import type { XmlStream } from '../stream/xml-stream.js';
import * as NS from '../xml/namespaces.js';
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

/** The traffic of XEP-0198 on one stream: asks for acknowledgements, takes them, and gives ours. */
export class Acknowledgements {
  readonly #stream: XmlStream;
  readonly #memory: SessionMemory;
  readonly #scheduler: SchedulerLike;
  readonly #every: number;
  readonly #after: number;
  /** Stanzas since the last request. */
  #unasked = 0;
  /** The timers of what is to be sent, while there are any. */
  #asking: Subscription | undefined;
  #answering: Subscription | undefined;

  constructor(
    stream: XmlStream,
    memory: SessionMemory,
    scheduler: SchedulerLike,
    { every = 16, after = 1_000 }: Partial<AckPolicy> = {},
  ) {
    this.#stream = stream;
    this.#memory = memory;
    this.#scheduler = scheduler;
    this.#every = every;
    this.#after = after;
  }

  /** A stanza was sent. */
  sent(): void {
    if (++this.#unasked >= this.#every) this.ask();
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
    if (element.is('r', NS.sm)) {
      // One answer serves all requests that came together, however many (threat S8).
      this.#answering ??= this.#scheduler.schedule(() => this.answer());
      return true;
    }
    if (!element.is('a', NS.sm)) return false;
    const { h } = element.attrs;
    const count = parseCount(h);
    if (count === undefined || !this.#memory.acknowledge(count)) {
      // Nothing that the server counts can be believed any more.
      this.#memory.forget();
      this.#stream.reject(impossibleCount(h));
    } else if (this.#memory.unacknowledged.size > 0) {
      this.#askLater();
    }
    return true;
  }

  /** Tells the server how far we have come. */
  answer(): void {
    this.#answering?.unsubscribe();
    this.#answering = undefined;
    this.#stream.send(xml('a', { xmlns: NS.sm, h: this.#memory.handled }));
  }

  /** Nothing is asked or answered from now on. */
  dispose(): void {
    this.#asking?.unsubscribe();
    this.#answering?.unsubscribe();
    this.#asking = this.#answering = Subscription.EMPTY;
  }

  #askLater(): void {
    if (this.#after < Infinity) this.#asking ??= this.#scheduler.schedule(() => this.ask(), this.#after);
  }
}

const REQUEST = xml('r', { xmlns: NS.sm });
