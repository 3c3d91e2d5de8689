import { NS, xml, type XmlElement } from '../../xml/index.js';

/** Counters run through 2^32 and begin anew (XEP-0198 section 4). */
const MODULUS = 2 ** 32;

/**
 * The server's half of XEP-0198 for one session: what has been handled, and what has been sent and not acknowledged. It
 * outlives the stream.
 */
export class StreamManagement {
  /** The id of the session; known to whoever may resume it. */
  readonly id: string;
  readonly resumable: boolean;
  /** Seconds. */
  readonly max: number;
  /** Stanzas of the client that the server has handled. */
  handled: number;
  #sent: number;
  readonly #unacked: XmlElement[] = [];

  /** Counting begins at 0; `counted` lets a spec begin elsewhere. */
  constructor(id: string, resumable: boolean, max: number, counted = { handled: 0, sent: 0 }) {
    this.id = id;
    this.resumable = resumable;
    this.max = max;
    this.handled = counted.handled;
    this.#sent = counted.sent;
  }

  /** Stanzas sent to the client and not acknowledged, oldest first. */
  get unacked(): readonly XmlElement[] {
    return this.#unacked;
  }

  /** Stanzas sent to the client since stream management was enabled. */
  get sent(): number {
    return this.#sent;
  }

  received(): void {
    this.handled = (this.handled + 1) % MODULUS;
  }

  push(stanza: XmlElement): void {
    this.#unacked.push(stanza);
    this.#sent = (this.#sent + 1) % MODULUS;
  }

  /** Takes an `h`. Returns whether it is one: a number that acknowledges no more than was sent, nor less than before. */
  acknowledge(h: string | undefined): boolean {
    if (h === undefined || !/^[0-9]{1,10}$/.test(h) || Number(h) >= MODULUS) return false;
    const acked = (this.#sent - this.#unacked.length + MODULUS) % MODULUS;
    const count = (Number(h) - acked + MODULUS) % MODULUS;
    if (count > this.#unacked.length) return false;
    this.#unacked.splice(0, count);
    return true;
  }

  /** The condition that goes with a stream error `undefined-condition` (XEP-0198 section 4). */
  tooHigh(h: string | undefined): XmlElement {
    return xml('handled-count-too-high', { xmlns: NS.sm, h, 'send-count': this.#sent });
  }
}
