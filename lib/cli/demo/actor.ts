import {
  concat,
  defer,
  filter,
  first,
  ignoreElements,
  map,
  Subject,
  Subscription,
  take,
  takeLast,
  tap,
  type Observable,
} from 'rxjs';
import type { XmppClientOptions } from '../../client/client-options.js';
import { xmppClient, type XmppClient } from '../../client/xmpp-client.js';
import type { XmppStatus } from '../../client/status.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import { xml, type XmlElement } from '../../xml/index.js';
import type { Delivery } from '../../session/delivery.js';
import type { Reporter } from '../report/reporter.js';

/** A client on the stage: what it does is told, and kept to be checked. */
export class Actor {
  readonly client: XmppClient;
  readonly events: TraceEvent[] = [];
  /** Bodies of messages, in the order of their coming. */
  readonly heard: string[] = [];
  readonly #heard$ = new Subject<void>();
  readonly #subscriptions = new Subscription();
  /** Whether each stanza is told; of a burst only the numbers are of interest. */
  quiet = false;

  constructor(
    readonly name: string,
    options: XmppClientOptions | Observable<XmppClientOptions | null>,
    private readonly reporter: Reporter,
  ) {
    this.client = xmppClient(options);
    this.#subscriptions.add(
      this.client.trace$.subscribe((event) => {
        this.events.push(event);
        reporter.trace(event, name);
      }),
    );
    this.#subscriptions.add(this.client.status$.subscribe((status) => reporter.status(status, name)));
  }

  /** The present session, and each that follows; the first of it once we are to be heard. */
  get online$(): Observable<XmppStatus & { readonly kind: 'online' }> {
    return this.client.status$.pipe(
      map((status) => {
        if (status.kind === 'offline' && status.error) throw status.error;
        return status;
      }),
      filter((status) => status.kind === 'online'),
    );
  }

  /** Connects, and stays so; emits once online. */
  enter(): Observable<unknown> {
    return defer(() => {
      this.#subscriptions.add(this.client.message$.subscribe((message) => this.#hear(message)));
      return this.online$.pipe(take(1));
    });
  }

  /** Sends a message; emits how far it came in the end. */
  say(to: string, body: string): Observable<Delivery> {
    return this.client.deliver(xml('message', { to, type: 'chat' }, xml('body', null, body))).pipe(
      takeLast(1),
      tap((delivery) => this.quiet || this.reporter.delivered(delivery, this.name)),
    );
  }

  /** Emits once so many messages were heard. */
  hears(count: number): Observable<unknown> {
    return this.#heard$.pipe(
      filter(() => this.heard.length >= count),
      take(1),
    );
  }

  /** Closes the session, and completes when the attempt is told to be over. */
  exit(): Observable<never> {
    return concat(
      this.client.close(),
      this.client.status$.pipe(
        first(({ kind }) => kind === 'offline'),
        ignoreElements(),
      ),
    );
  }

  /** Lets go of everything. */
  leave(): void {
    this.#subscriptions.unsubscribe();
  }

  #hear(message: XmlElement): void {
    if (!this.quiet) this.reporter.stanza(message, this.name);
    this.heard.push(message.child('body')?.text() ?? '');
    this.#heard$.next();
  }
}
