import { concat, ignoreElements, Observable, tap, type OperatorFunction, type Subscriber } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Connection } from '../transport/transport.js';
import { elements } from '../xml/elements.js';
import * as NS from '../xml/namespaces.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { XmlLimits } from '../xml/xml-limits.js';
import { Scope, type Held } from './scope.js';
import { scopeMapWith } from './scope-map.js';
import type { Secrets } from './secrets.js';
import { stageOf, type StageConfig } from './stage-config.js';
import { headerFault } from './stream-header.js';
import { unexpected } from './unexpected.js';
import { bounded } from './within.js';
import { XmlStream } from './xml-stream.js';

/** Knows what a server will offer before it has told (see `pipelining`). */
export interface Ahead {
  /** The features to act on at once; `undefined` to wait for what the server tells. */
  expect(connection: Connection, authenticated: boolean): XmlElement | undefined;
  /**
   * Is told what the server does offer.
   *
   * @throws StreamError Where that is not what was expected and acted on.
   */
  told(features: XmlElement, connection: Connection, authenticated: boolean, expected: XmlElement | undefined): void;
}

export interface OpenStreamConfig extends StageConfig {
  /** The domain that the stream is for. The peer's `from` must be it. */
  readonly to: string;
  /** Our bare JID. It is told only over TLS (RFC 6120 section 4.7.1). */
  readonly from?: string;
  /** Default language of what we send, as a BCP 47 tag. */
  readonly lang?: string;
  readonly limits?: Partial<XmlLimits>;
  readonly ahead?: Ahead;
}

/**
 * Opens an XML stream over a connection: sends our header, awaits the peer's and its features.
 *
 * ```text
 * connection   --c-----------------
 * out            <stream:stream>
 * in                <stream:stream>  <stream:features/>
 * openStream   ----------------------s----#
 * ```
 *
 * Errors with `StreamError` (what the peer said, or what is wrong with its header or bytes), `TransportError`, or
 * `XmppTimeoutError` of phase `open` or `features`. Writes the footer on unsubscribe.
 *
 * @see RFC 6120 section 4.2
 */
export function openStream(config: OpenStreamConfig): OperatorFunction<Connection, XmlStream> {
  return scopeMapWith(config, openStreamOn);
}

/**
 * The same for a connection at hand: what a restart does.
 *
 * @param secrets Those of the stream before.
 * @param authenticated Whether this is a restart after authentication.
 */
export function openStreamOn(
  connection: Connection,
  config: OpenStreamConfig,
  secrets?: Secrets,
  authenticated = false,
): Observable<XmlStream> {
  return new Observable((subscriber) => {
    const { ahead, to, from, lang } = config;
    const stage = stageOf(config);
    const { trace } = stage;
    const stream = new XmlStream(connection, config.limits, stage.scheduler, secrets);
    // Before anything else: what is already there may be read, and end the stream, while `subscribe` is on the stack.
    const opening = new Opening(subscriber, stream);
    const expected = ahead?.expect(connection, authenticated);
    const told = (words = '') => stream.secrets.told(words) || undefined;
    const greeting$ = concat(
      stream.header$.pipe(
        bounded('open', stage),
        tap((header) => trace({ type: 'opened', id: told(header.id), from: told(header.from) })),
      ),
      stream.next$.pipe(
        tap((element) => {
          const fault = headerFault(stream.header, stream.framing.name, to);
          if (fault) {
            const [condition, found] = fault;
            throw stream.reject(
              new StreamError({ condition, text: `the server's header has ${found}`, phase: 'open' }),
            );
          }
          if (!element.is('features', NS.stream)) throw stream.reject(unexpected(element, 'features'));
          stream.features = element;
          ahead?.told(element, connection, authenticated, expected);
        }),
        bounded('features', stage),
        tap((element) =>
          trace({
            type: 'features',
            names: elements(element)
              .map(({ name }) => name)
              .filter(told),
          }),
        ),
      ),
    ).pipe(ignoreElements());
    trace({ type: 'opening' });
    stream.open({ to, from: connection.tls ? from : undefined, lang });
    if (expected) {
      stream.features = expected;
      // Whoever reads the first answer reads these before it.
      stream.unread$ = greeting$;
      subscriber.next(stream);
    } else {
      opening.hold(greeting$);
    }
  });
}

/** A stream that is being opened, and then is open. */
class Opening extends Scope<XmlStream> {
  readonly #stream: XmlStream;

  constructor(subscriber: Subscriber<XmlStream>, stream: XmlStream) {
    super(subscriber);
    this.#stream = stream;
    stream.holder = this;
  }

  /** There is nothing left of it to dispose of, and nothing to be kept. */
  superseded(): void {
    this.subscriber.remove(this);
  }

  /** The peer has greeted us. */
  override completed(greeting: Held<never>): void {
    this.forget(greeting);
    this.subscriber.next(this.#stream);
  }

  override unsubscribe(): void {
    super.unsubscribe();
    this.#stream.dispose();
  }
}
