import { randomUUID } from 'node:crypto';
import { catchError, defer, delay, EMPTY, finalize, fromEvent, ignoreElements, takeLast, takeUntil, tap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { XmppClient } from '../client/xmpp-client.js';
import { xml } from '../xml/index.js';
import type { Input } from './io.js';
import { forEachLine } from './lines.js';
import type { Reporter } from './report/reporter.js';

/** Messages on their way at once; meanwhile no more input is read. */
const AT_ONCE = 64;

/** How long what was sent may take to be acknowledged after the end of the input, in milliseconds. */
const SETTLE = 10_000;

/** Sends lines as chat messages, and counts those that may not have arrived. */
export class LineSender {
  /** Messages that have not, or not surely, arrived. */
  failures = 0;
  #pending = 0;
  #warned = false;

  constructor(
    private readonly client: Pick<XmppClient, 'deliver'>,
    private readonly to: string | undefined,
    private readonly reporter: Reporter,
  ) {}

  /** Sends every line; completes when the input has ended and all that was sent is settled, which is bounded. */
  sendAll(input: Input): Observable<never> {
    return defer(() => {
      const overdue$ = fromEvent(input, 'end').pipe(delay(SETTLE));
      return forEachLine(input, AT_ONCE, (line) => this.#send(line)).pipe(
        takeUntil(overdue$),
        finalize(() => (this.failures += this.#pending)),
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
      this.#pending++;
      return this.client.deliver(message);
    }).pipe(
      tap((delivery) => this.reporter.delivery(delivery)),
      takeLast(1),
      tap((delivery) => this.#settled(() => this.reporter.delivered(delivery))),
      catchError((error: unknown) => {
        this.#settled(() => this.reporter.undelivered(message, error));
        this.failures++;
        return EMPTY;
      }),
      ignoreElements(),
    );
  }

  #settled(report: () => void): void {
    this.#pending--;
    report();
  }
}
