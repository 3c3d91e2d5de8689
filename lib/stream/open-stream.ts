import {
  concat,
  ignoreElements,
  map,
  Observable,
  tap,
  type Observer,
  type OperatorFunction,
  type Subscriber,
} from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { HeaderAttributes } from '../transport/framing.js';
import type { Connection } from '../transport/transport.js';
import { NS } from '../xml/namespaces.js';
import { XmlElement } from '../xml/xml-element.js';
import type { XmlLimits } from '../xml/xml-limits.js';
import { scopeMap } from './scope-map.js';
import type { Secrets } from './secrets.js';
import { stageOf, type StageConfig } from './stage-config.js';
import { headerFault } from './stream-header.js';
import { within } from './within.js';
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
  return scopeMap((connection) => openStreamOn(connection, config));
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
    const { ahead } = config;
    const stream = new XmlStream(connection, config.limits, stageOf(config).scheduler, secrets);
    // Before anything else: what is already there may be read, and end the stream, while `subscribe` is on the stack.
    subscriber.add(() => stream.dispose());
    const expected = ahead?.expect(connection, authenticated);
    const greeting$ = greeting(stream, config, (features) =>
      ahead?.told(features, connection, authenticated, expected),
    );
    stageOf(config).trace({ type: 'opening' });
    stream.open(headerAttributes(connection, config));
    if (!expected) return void subscriber.add(greeting$.subscribe(whenDone(subscriber, stream)));
    stream.features = expected;
    // Whoever reads the first answer reads these before it.
    stream.unread$ = greeting$;
    subscriber.next(stream);
  });
}

/** Emits when the greeting is over; nothing of that is held any longer then. */
function whenDone(subscriber: Subscriber<XmlStream>, stream: XmlStream): Partial<Observer<never>> {
  return { error: (error) => subscriber.error(error), complete: () => subscriber.next(stream) };
}

/** Reads the peer's header and features. */
function greeting(
  stream: XmlStream,
  config: OpenStreamConfig,
  onFeatures: (features: XmlElement) => void,
): Observable<never> {
  const { timeouts, scheduler, trace } = stageOf(config);
  const told = (words = '') => stream.secrets.told(words) || undefined;
  const header$ = stream.header$.pipe(
    within('open', timeouts.open, scheduler),
    tap(({ id, from }) => trace({ type: 'opened', id: told(id), from: told(from) })),
  );
  const features$ = stream.next$.pipe(
    map((element) => accept(stream, element, config.to)),
    tap(() => onFeatures(stream.features)),
    within('features', timeouts.features, scheduler),
    tap(() => trace({ type: 'features', names: featureNames(stream.features).filter(told) })),
  );
  return concat(header$, features$).pipe(ignoreElements());
}

function headerAttributes({ tls }: Connection, { to, from, lang }: OpenStreamConfig): HeaderAttributes {
  return { to, from: tls ? from : undefined, lang };
}

function accept(stream: XmlStream, element: XmlElement, domain: string): XmlStream {
  const fault = headerFault(stream.header, stream.framing.name, domain);
  if (fault) throw stream.reject(fault);
  if (!element.is('features', NS.stream)) {
    const text = `the server sent <${element.name} xmlns='${element.xmlns}'/> where its features were due`;
    throw stream.reject(new StreamError({ condition: 'invalid-xml', text }));
  }
  stream.features = element;
  return stream;
}

function featureNames(features: XmlElement): string[] {
  return features.children.filter((child) => child instanceof XmlElement).map(({ name }) => name);
}
