import { Observable } from 'rxjs';
import type { Jid } from '../jid/jid.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Delivery, Outgoing } from './delivery.js';
import type { IqOptions } from './session.js';
import type { SessionMemory } from './session-memory.js';

/** Whatever takes stanzas: the session on a stream, or an account that has none at present. */
export abstract class Sender {
  constructor(readonly memory: SessionMemory) {}

  /**
   * Takes a stanza, in order.
   *
   * @param always Whether it may wait for a session although nothing else does.
   * @throws XmlError, StanzaError Where it cannot be taken.
   */
  abstract transmit(outgoing: Outgoing, always?: boolean): void;

  send(stanza: XmlElement): void {
    this.transmit(this.memory.outgoing(stanza));
  }

  deliver(stanza: XmlElement): Observable<Delivery> {
    return new Observable((subscriber) => this.transmit(this.memory.outgoing(stanza, subscriber)));
  }

  iq(
    type: 'get' | 'set',
    payload: XmlElement,
    to?: Jid | string,
    { timeout }: IqOptions = {},
    always?: boolean,
  ): Observable<XmlElement> {
    return this.memory.iqs.request(type, payload, to?.toString(), timeout, (iq) => {
      // What becomes of it is told to whoever awaits the answer.
      const outgoing = this.memory.outgoing(iq, undefined, true);
      this.transmit(outgoing, always);
      return outgoing;
    });
  }
}
