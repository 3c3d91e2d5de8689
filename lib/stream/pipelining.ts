import { catchError, defer, tap, throwError, type Observable } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { TransportError } from '../errors/transport-error.js';
import type { Connection } from '../transport/transport.js';
import { elements } from '../xml/elements.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Ahead } from './open-stream.js';

/** What an attempt tells of itself. */
export interface PipelinedAttempt {
  /** Whether there is a session to resume (XEP-0198). */
  readonly resuming: boolean;
  /** Whether there are stream features that are not ours, which may come before resource binding. */
  readonly extended: boolean;
  /** The mechanism that this account has authenticated with before. */
  readonly mechanism: string | undefined;
}

/** Saves round trips for the attempts of one account. */
export interface Pipelining {
  /**
   * Connects with what can be said ahead; and once more without, where it looks as if the server did not take that.
   *
   * @param connect One connection, and what to say ahead on it.
   */
  attempt<T>(about: PipelinedAttempt, connect: (ahead?: Ahead) => Observable<T>): Observable<T>;
}

/**
 * Pipelining: says what is sure to be next together with the stream header, in place of waiting for the server's features
 * (the option `pipelining`). It saves a round trip for each of
 *
 * - `<starttls/>`, where TLS is required: it would be sent whatever the features say;
 * - resource binding, or the resumption of a session, once `<success/>` was read and checked;
 * - the first message of SCRAM, when the account has been authenticated before on this client: only over TLS, only by the
 *   features that this server told over TLS the last time, and never a password (no PLAIN).
 *
 * The features are read all the same before any answer is taken, and nothing goes on by expected ones that turn out
 * otherwise: that, a stream error, silence or a closed connection ends the connection, and the attempt is made again, once, as
 * RFC 6120 section 4.3 has it. Not pipelined, since it is not safe: `<response/>` with the header of the stream after it.
 */
export function pipelining(): Pipelining {
  return new Remembered();
}

class Remembered implements Pipelining {
  /** The last features of a stream over TLS, and of an authenticated one. */
  secure: XmlElement | undefined;
  authenticated: XmlElement | undefined;
  #failures = 0;
  /** Whether the next attempt says nothing ahead. */
  #pause = false;

  attempt<T>(about: PipelinedAttempt, connect: (ahead?: Ahead) => Observable<T>): Observable<T> {
    return defer(() => {
      const ahead = new Expectations(this, about);
      ahead.active = !this.#pause && this.#failures < MAX_FAILURES;
      this.#pause = false;
      return connect(ahead).pipe(
        tap(() => {
          ahead.pending = false;
          if (ahead.active) this.#failures = 0;
        }),
        catchError((error: unknown) => {
          if (!ahead.pending || !mayBeDislike(error)) return throwError(() => error);
          this.#failures++;
          // Nothing was heard of it: it may be the network, and there is no dialling twice at once. But not ahead again.
          this.#pause = !ahead.greeted;
          if (this.#pause) return throwError(() => error);
          ahead.active = false;
          return connect(ahead);
        }),
      );
    });
  }
}

/** So many attempts fail while something said ahead is not answered, then no more is said ahead. */
const MAX_FAILURES = 3;

/** What is expected on the connections of one attempt. */
class Expectations implements Ahead {
  active = false;
  /** Whether something was said ahead and has not led on yet. */
  pending = false;
  /** Whether the server has told its features on this stream. */
  greeted = false;

  constructor(
    private readonly memory: Remembered,
    private readonly about: PipelinedAttempt,
  ) {}

  expect(connection: Connection, authenticated: boolean): XmlElement | undefined {
    const expected = this.active ? this.#expected(connection, authenticated) : undefined;
    this.pending = expected !== undefined;
    this.greeted = false;
    return expected;
  }

  told(features: XmlElement, { tls }: Connection, authenticated: boolean, expected: XmlElement | undefined): void {
    this.greeted = true;
    if (authenticated) this.memory.authenticated = features;
    else if (tls) this.memory.secure = features;
    if (!expected) return;
    const same = expected === SECURE_FIRST || authenticated ? offersAll : isSame;
    if (!same(features, expected)) throw new FeaturesDiffer();
  }

  #expected({ tls, startTls, framing }: Connection, authenticated: boolean): XmlElement | undefined {
    const { about, memory } = this;
    if (authenticated) {
      return memory.authenticated ?? (about.extended ? undefined : about.resuming ? RESUME_OR_BIND : BIND);
    }
    if (tls) return about.mechanism?.startsWith('SCRAM-') ? memory.secure : undefined;
    return startTls && framing === 'stream' ? SECURE_FIRST : undefined;
  }
}

const features = (...names: readonly (readonly [name: string, xmlns: string])[]): XmlElement =>
  xml('features', { xmlns: NS.stream }, ...names.map(([name, xmlns]) => xml(name, { xmlns })));

const SECURE_FIRST = features(['starttls', NS.tls]);
const BIND = features(['bind', NS.bind]);
const RESUME_OR_BIND = features(['sm', NS.sm], ['bind', NS.bind]);

/** Whether all that was expected is on offer, whatever else there is. */
function offersAll(told: XmlElement, expected: XmlElement): boolean {
  return elements(expected).every(({ name, xmlns }) => told.child(name, xmlns));
}

/** Mechanisms are chosen, and signed (XEP-0474), by the whole of what was offered. */
function isSame(told: XmlElement, expected: XmlElement): boolean {
  return told.toString() === expected.toString();
}

/** The features are not those that were expected. */
class FeaturesDiffer extends StreamError {
  constructor() {
    super({
      condition: 'undefined-condition',
      text: 'the server offers other features than expected',
      retryable: true,
    });
  }
}

/** What a server may say to something that comes before it has told its features. */
const DISLIKES = new Set([
  'bad-format',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'undefined-condition',
  'unsupported-feature',
  'unsupported-stanza-type',
]);

/** Whether it can be that the server does not take what is said ahead. A refusal of credentials is none of it. */
function mayBeDislike(error: unknown): boolean {
  if (error instanceof FeaturesDiffer) return true;
  if (error instanceof StreamError) return error.origin === 'remote' && DISLIKES.has(error.condition);
  if (error instanceof XmppTimeoutError || error instanceof TransportError) return error.phase !== 'tls';
  return false;
}
