import type { XmppStatus } from '../../client/status.js';
import type { Delivery } from '../../session/delivery.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import type { XmlElement } from '../../xml/index.js';

/** Tells what happens: to people, or to machines. */
export interface Reporter {
  /** Of which client, where there are several. */
  trace(event: TraceEvent, client?: string): void;
  status(status: XmppStatus, client?: string): void;
  stanza(stanza: XmlElement, client?: string): void;
  /** Each step of a stanza on its way out. */
  delivery(delivery: Delivery, client?: string): void;
  /** As far as a stanza came in the end. */
  delivered(delivery: Delivery, client?: string): void;
  undelivered(stanza: XmlElement, error: unknown, client?: string): void;
  /** The beginning of a scene of the demonstration; where it is `brief`, people are shown only what matters of each attempt. */
  scene(title: string, about: string, brief?: boolean): void;
  /** What the demonstration claims, and whether it is so. */
  check(claim: string, holds: boolean): void;
  /** The end of the demonstration. */
  conclusion(text: string): void;
  /** A remark for people. */
  note(text: string): void;
  /** Why the command fails. */
  error(error: unknown, exitCode: number): void;
}
