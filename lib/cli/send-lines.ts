import { randomUUID } from 'node:crypto';
import {
  catchError,
  defer,
  delay,
  EMPTY,
  finalize,
  fromEvent,
  ignoreElements,
  merge,
  takeLast,
  takeUntil,
  tap,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { XmppClient } from '../client/xmpp-client.js';
import { StanzaError } from '../errors/index.js';
import { xml, type XmlElement } from '../xml/index.js';
import type { Input } from './io.js';
import { forEachLine } from './lines.js';
import type { Reporter } from './report/reporter.js';

/** Messages on their way at once; meanwhile no more input is read. */
const AT_ONCE = 64;

/** How long what was sent may take to be acknowledged after the end of the input, in milliseconds. */
const SETTLE = 10_000;

const UNSETTLED = { condition: 'delivery-unknown', text: 'it was not acknowledged before the end' } as const;

/** Sends lines as chat messages, and counts those that may not have arrived. */
export class LineSender {
  /** Messages that have not, or not surely, arrived. */
  failures = 0;
  readonly #pending = new Set<XmlElement>();
  #warned = false;

  constructor(
    private readonly client: Pick<XmppClient, 'deliver'>,
    private readonly to: string | undefined,
    private readonly reporter: Reporter,
  ) {}

  /**
   * Sends every line; completes when the input has ended and all that was sent is settled, which is bounded. What is not settled by
   * then, or when it is let go, counts and is told as what may not have arrived.
   */
  sendAll(input: Input): Observable<never> {
    return defer(() => {
      // A terminal that is gone closes without an end.
      const overdue$ = merge(fromEvent(input, 'end'), fromEvent(input, 'close')).pipe(delay(SETTLE));
      return forEachLine(input, AT_ONCE, (line) => this.#send(line)).pipe(
        takeUntil(overdue$),
        finalize(() => {
          for (const message of this.#pending) this.#failed(message, new StanzaError(UNSETTLED));
        }),
      );
    });
  }

  #send(body: string): Observable<never> {
    if (body === '') return EMPTY;
    if (this.to === undefined) {
      if (!this.#warned) this.reporter.note('there is nobody to send to; name somebody by --to JID');
      this.#warned = true;
      return EMPTY;
    }
    const message = xml('message', { to: this.to, type: 'chat', id: randomUUID() }, xml('body', null, body));
    return defer(() => {
      this.#pending.add(message);
      return this.client.deliver(message);
    }).pipe(
      tap((delivery) => this.reporter.delivery(delivery)),
      takeLast(1),
      tap((delivery) => {
        this.#pending.delete(message);
        this.reporter.delivered(delivery);
      }),
      catchError((error: unknown) => {
        this.#failed(message, error);
        return EMPTY;
      }),
      ignoreElements(),
    );
  }

  #failed(message: XmlElement, error: unknown): void {
    this.#pending.delete(message);
    this.failures++;
    this.reporter.undelivered(message, error);
  }
}
