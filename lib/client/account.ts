import { concat, merge, Observable, type Subscriber } from 'rxjs';
import type { StanzaError } from '../errors/stanza-error.js';
import { StreamError } from '../errors/stream-error.js';
import { XmppError } from '../errors/xmpp-error.js';
import { scramKeyCache } from '../sasl/scram-key-cache.js';
import { unsent, type Outgoing } from '../session/delivery.js';
import { Sender } from '../session/sender.js';
import type { Session } from '../session/session.js';
import { lost, SessionMemory } from '../session/session-memory.js';
import { Scope } from '../stream/scope.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import { serialize } from '../xml/serialize.js';
import { Attempt, MAX_REDIRECTS, type AttemptOwner } from './attempt.js';
import { attemptConfig, pipelined } from './attempt-config.js';
import { browserOnline, browserWake } from './browser-events.js';
import type { ClientMemory } from './client-memory.js';
import type { XmppClientOptions } from './client-options.js';
import { prepareOptions, type Prepared } from './options.js';
import { reconnect } from './reconnect.js';
import type { StoredSession } from './stored-session.js';
import { lifecycle } from './xmpp-stream.js';

/**
 * One value of a client's options at work: attempt after attempt, and what goes on between them. Nothing of it is ever used
 * with other options, so no stanza can reach another account's session (defect D8).
 */
export class Account extends Sender implements AttemptOwner<Session> {
  readonly #client: ClientMemory;
  readonly #options: Prepared & XmppClientOptions;
  readonly #store: StoredSession | undefined;
  /** Where the server sent the last session. */
  #moved: string | undefined;
  #stopped = false;
  #work: Work | undefined;

  /** @throws UsageError, JidError As `prepareOptions` does. */
  constructor(options: XmppClientOptions, client: ClientMemory) {
    const prepared = prepareOptions({ ...options, keys: options.keys ?? scramKeyCache() });
    super(new SessionMemory(prepared.scheduler, prepared.random, { ...client, ...options }));
    this.#client = client;
    this.#options = prepared as Prepared & XmppClientOptions;
    const { resume = true, store } = prepared.streamManagement || {};
    this.#store = resume ? store : undefined;
  }

  /** Connects, and comes back until told to stop. Completes when a session was closed, and when it gives up. */
  work(): Observable<never> {
    return new Observable((subscriber) => {
      this.#work = new Work(subscriber, this, this.#client);
      const attempts$ = this.#attempts();
      this.#work.hold(this.#store ? concat(this.#store.restore(this.memory, this.#options), attempts$) : attempts$);
    });
  }

  /** Takes a stanza while there is no session. */
  transmit(outgoing: Outgoing, always = false): void {
    const { whileOffline = 'error' } = this.#options;
    const { memory } = this;
    const room = always ? Infinity : whileOffline === 'error' ? 0 : whileOffline.queue;
    // Not for each stanza: that would cost the length of the queue.
    if (memory.waiting.length >= room) memory.waiting = memory.waiting.filter(({ settled }) => !settled);
    if (this.#stopped || memory.waiting.length >= room) {
      const full = room > 0 ? 'the queue is full' : 'no session';
      throw notConnected(this.#stopped ? 'stopping' : full);
    }
    // What cannot be written fails now, and not behind the back of its sender.
    serialize(outgoing.stanza);
    memory.waiting.push(outgoing);
    outgoing.queued();
  }

  /** Ends the attempt or the wait; nothing follows it. */
  stop(): void {
    this.#work?.completed();
  }

  /** Settles all that was sent for it. */
  settle(text: string, cause?: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.memory.stop(lost(text, cause instanceof XmppError ? cause : undefined));
  }

  #attempts(): Observable<Session> {
    const client = this.#client;
    const options = this.#options;
    const { transport, asciiDomain, scheduler } = options;
    // A browser without a network reaches its own machine all the same.
    const usual$ = transport.isLoopback?.(asciiDomain) ? undefined : browserOnline();
    const { reconnect: policy = {}, online$ = usual$ } = options;
    const attempts$ = new Observable<Session>((subscriber) => {
      const begin = this.#moved ?? this.memory.resumption?.location;
      this.#moved = undefined;
      new Attempt(subscriber, this, ++client.attempts, scheduler, MAX_REDIRECTS).go(begin);
    });
    if (policy === false) return attempts$;
    return attempts$.pipe(
      reconnect({
        ...policy,
        online$,
        now$: new Observable<void>((asked) => {
          client.asked = asked;
        }),
        onWaiting: (waiting) => client.tells({ kind: 'waiting', attempt: client.attempts, ...waiting }),
        scheduler,
      }),
    );
  }

  connect(attempt: Attempt<Session>, location: string | undefined): Observable<Session> {
    const options = this.#options;
    const { reconnect: policy, wake$ = BROWSER_WAKE$ } = options;
    const resumable = policy !== false || this.#store !== undefined;
    // `merge` lasts as long as the session does: only where there are two.
    const own$ = options.keepAlive.wake$;
    const woken$ = own$ ? merge(wake$, own$) : wake$;
    attempt.bound(options.timeouts.deadline);
    return pipelined(options, this.memory, (ahead) =>
      lifecycle(attemptConfig(options, this.memory, resumable, attempt.trace, location, ahead, woken$)),
    );
  }

  report(event: TraceEvent): void {
    const options = this.#options;
    if (event.type === 'authenticated') options.minimum = event.mechanism;
    if (event.type === 'failed' && event.phase === 'online' && event.error instanceof StreamError)
      this.#moved = event.error.location?.trim();
    options.trace(event);
    this.#client.traced(event);
  }
}

/** One for all: what it leads to is kept by each session. */
const BROWSER_WAKE$ = /* #__PURE__ */ browserWake();

class Work extends Scope<never> {
  readonly #account: Account;
  readonly #client: ClientMemory;

  constructor(subscriber: Subscriber<never>, account: Account, client: ClientMemory) {
    super(subscriber);
    this.#account = account;
    this.#client = client;
  }

  override entered(session: Session): void {
    this.#client.online(session);
  }

  override failed(error: unknown): void {
    // Whatever came in the way of the closing handshake, we asked for the end.
    if (!(error instanceof XmppError && error.phase === 'close')) {
      this.#account.settle('gave up', error);
      this.#client.failed(error);
    }
    this.completed();
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.#account.settle('stopped');
    this.#client.ended(this.#account);
  }
}

/** The error for what is sent while nothing can take it. */
export function notConnected(text: string): StanzaError {
  return unsent('not-connected', text);
}
