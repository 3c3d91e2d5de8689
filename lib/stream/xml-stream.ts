import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  noop,
  Observable,
  Subject,
  type SchedulerLike,
  type Unsubscribable,
} from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import { TransportError } from '../errors/transport-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { TlsError } from '../errors/tls-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import { framingOf, type Framing, type HeaderAttributes } from '../transport/framing.js';
import type { Connection } from '../transport/transport.js';
import * as NS from '../xml/namespaces.js';
import { StreamParser, type StreamParserHandlers } from '../xml/stream-parser.js';
import type { XmlElement } from '../xml/xml-element.js';
import { xmlLimits, type XmlLimits } from '../xml/xml-limits.js';
import { LeanSubscriber } from './lean-subscriber.js';
import { Queue } from './queue.js';
import { receivedError } from './received-error.js';
import { Secrets } from './secrets.js';
import { streamHeader, type StreamHeader } from './stream-header.js';

/** Whoever reads the stream at present. */
interface Reader {
  header?(header: StreamHeader): void;
  next?(element: XmlElement): void;
  /** The stream has ended by the peer's footer. */
  complete(): void;
  /** The stream has ended otherwise. */
  error(error: unknown): void;
}

/**
 * One XML stream over a connection: our header, the peer's, and elements in both directions, until a restart takes the
 * connection over or the stream ends. Every restart (after TLS, after SASL) makes a new one, with a new parser and
 * decoder, so nothing of the old one can survive it (RFC 6120 sections 4.3.3 and 5.4.3.3).
 *
 * Nothing is read from the connection while nobody reads elements, and what was parsed meanwhile waits in order.
 */
export class XmlStream {
  readonly framing: Framing;
  /** Bounds of what the peer may send. */
  readonly limits: XmlLimits;
  /** The peer's header, once it came. */
  header!: StreamHeader;
  /** The features last advertised; or expected, until the first answer is read. */
  features!: XmlElement;
  /** Reads the header and the features, where something was sent ahead of them. */
  unread$: Observable<never> = EMPTY;

  /** None any more, once the stream has given the connection over or was let go. */
  #parser: StreamParser | undefined;
  /** What nobody has read yet. */
  #waiting = new Queue<XmlElement>();
  #reader: Reader | undefined;
  #traffic$: Subject<void> | undefined;
  /** While the connection is read. */
  #input: Unsubscribable | undefined;
  #feeding = false;
  /** Why it ended. The first end counts. */
  #end: XmppError | undefined;
  /** Whether that was the peer's footer. */
  #closed = false;
  /** Whether our header is sent, and neither our footer nor a restart has followed. */
  #writable = false;
  #footerSent = false;
  /** Is told when the connection is given over. */
  holder: { superseded(): void } | undefined;
  /** While true, letting go sends no footer. */
  withholdFooter = false;
  /** When something last came, by the scheduler's clock; white space counts too. */
  receivedAt: number;
  /** Emits when octets came or went. Completes when the stream is let go. */
  get traffic$(): Observable<void> {
    return this.#disposed ? EMPTY : (this.#traffic$ ??= new Subject());
  }

  readonly #clock: Pick<SchedulerLike, 'now'>;
  #superseded = false;
  #disposed = false;

  constructor(
    readonly connection: Connection,
    limits?: Partial<XmlLimits>,
    clock: Pick<SchedulerLike, 'now'> = asyncScheduler,
    /** What was sent to authenticate, on this stream or the one that it follows. */
    readonly secrets = new Secrets(),
  ) {
    this.#clock = clock;
    this.receivedAt = clock.now();
    this.framing = framingOf(connection.framing);
    this.limits = xmlLimits(limits);
    this.#parser = new StreamParser({ framing: connection.framing, limits: this.limits }, new XmlStream.#Parsed(this));
  }

  /** Sends our header. */
  open(header: HeaderAttributes): void {
    // Whoever is told of the opening may give up there and then.
    if (this.#disposed) return;
    this.#writable = true;
    this.connection.write(this.framing.header(header));
  }

  /** The peer's header. */
  get header$(): Observable<StreamHeader> {
    return this.#read((last) => ({ header: last }));
  }

  /** The next element alone. A footer in its place is an error. */
  get next$(): Observable<XmlElement> {
    return this.nextThat(() => true);
  }

  /** As `next$`, passing over elements that are not awaited. They are told to `isAwaited`, and to nobody else. */
  nextThat(isAwaited: (element: XmlElement) => boolean): Observable<XmlElement> {
    return defer(() => {
      const first$ = this.unread$;
      this.unread$ = EMPTY;
      return concat(
        first$,
        this.#read<XmlElement>((last) => ({
          next: (element) => {
            if (isAwaited(element)) last(element);
          },
        })),
      );
    });
  }

  /**
   * Elements at the top level of the stream, in order, whether they came before or after subscribing. One reader at a
   * time. Completes with the peer's footer; errors with a `StreamError`, the parser's fault or the loss of the connection.
   */
  get element$(): Observable<XmlElement> {
    return new Observable((subscriber) => {
      subscriber.add(this.#detach.bind(this, subscriber));
      this.#attach(subscriber);
    });
  }

  /** @param reads What is done with what comes; `last` emits a value and completes. */
  #read<T>(reads: (last: (value: T) => void) => Partial<Reader>): Observable<T> {
    return new Observable((subscriber) => {
      const last = (value: T) => {
        // First out of the way: whoever gets it may read the next one at once.
        this.#detach(reader);
        subscriber.next(value);
        subscriber.complete();
      };
      const error = () => subscriber.error(this.#end);
      const reader: Reader = { error, complete: error, ...reads(last) };
      subscriber.add(() => this.#detach(reader));
      this.#attach(reader);
    });
  }

  /**
   * Writes an element.
   *
   * @param written Is called once the element was handed to the operating system, and calls `wrote`. Whoever sends much gives one for all.
   * @throws XmlError Where the element cannot be written; nothing is written then.
   */
  send(element: XmlElement, written = () => this.wrote()): void {
    this.connection.write(this.framing.element(element), written);
    this.wrote();
  }

  /** Tells that octets came or went. */
  wrote(): void {
    this.#traffic$?.next();
  }

  /** Gives elements back that came before their time: whoever reads next gets them first, in order. */
  unread(elements: readonly XmlElement[]): void {
    this.#waiting = new Queue(elements.concat(this.#waiting.list()));
  }

  /** Sends the footer, once, after all that was sent (RFC 6120 section 4.4). */
  close(): void {
    if (!this.#writable) return;
    this.#writable = false;
    this.#footerSent = true;
    this.connection.write(this.framing.footer);
  }

  /**
   * Takes no element any more, since a restart is due: nothing but white space may come before it, and that is watched
   * until the restart takes the connection over (RFC 6120 section 6.4.6: the server speaks again when it has our new header).
   */
  awaitRestart(): void {
    if (!this.#superseded) {
      this.#seal('restart');
      this.#reader = { error: noop, complete: noop };
      if (!this.#end) this.#pull();
    }
    this.#throwEnd();
  }

  /**
   * Gives the connection over to a restart: no byte is parsed from here on. Bytes that are already there would have
   * been injected before the restart, and are an error.
   */
  supersede(reason: 'tls' | 'restart'): void {
    if (!this.#superseded) this.#seal(reason);
    this.#reader = undefined;
    this.#release();
    this.#parser = undefined;
    this.#throwEnd();
    this.holder?.superseded();
  }

  #seal(reason: 'tls' | 'restart'): void {
    this.#superseded = true;
    this.#writable = false;
    this.#parser!.seal(reason);
    // What waits is as much too early as any octet, and the parser knows what to say to those.
    if (this.#waiting.size > 0) this.#parser!.write('<');
  }

  #throwEnd(): void {
    if (this.#end && !this.#closed) throw this.#end;
  }

  /**
   * Ends the stream because the peer broke the protocol, and tells it so (RFC 6120 section 4.9.1.1).
   *
   * @returns The error, to be thrown.
   */
  reject(error: XmppError): XmppError {
    if (error instanceof StreamError) {
      const { condition, phase } = error;
      // What it quotes of the peer's is not to be what we sent to authenticate.
      const text = this.secrets.told(error.text);
      if (!text) error = new StreamError({ ...error, condition, phase, text });
      if (this.#writable) this.connection.write(this.framing.error(condition, text));
      this.close();
    }
    this.fail(error);
    return error;
  }

  /** Ends the stream for a reason that its own bytes do not show (a dead link, say), without a word to the peer. */
  fail(error: XmppError): void {
    if (this.#end) return;
    this.#end = error;
    this.#parser?.dispose();
    if (this.#reader) this.#tellEnd(this.#reader);
  }

  /** Writes the footer if the stream is open, and lets go. */
  dispose(): void {
    this.#disposed = true;
    this.#parser?.dispose();
    this.#release();
    if ((!this.#end || this.#closed) && !this.withholdFooter) this.close();
    if (this.#footerSent) this.connection.end();
    this.#traffic$?.complete();
  }

  /** @param location Where the peer sends us. */
  #endedByPeer(condition: string, words: string, location = ''): void {
    this.close();
    const { connection, framing, secrets } = this;
    const said = secrets.told(words);
    // Only who has proved who it is can send us elsewhere; and from a WebSocket never out of TLS (RFC 7395 section 3.6.1).
    const mayFollow = connection.tls && (framing.name === 'stream' || /^\s*wss:\/\//i.test(location));
    this.fail(
      new StreamError({
        condition,
        origin: 'remote',
        text: `the server ended the stream${said && ` and said: ${said}`}`,
        location: (mayFollow && secrets.told(location)) || undefined,
      }),
    );
  }

  #attach(reader: Reader): void {
    if (this.#reader) throw new UsageError('stream-busy', 'a stream has one reader at a time');
    this.#reader = reader;
    if (this.header) reader.header?.(this.header);
    while (this.#reader === reader && this.#waiting.size > 0) reader.next?.(this.#waiting.shift()!);
    if (this.#reader !== reader) return;
    if (this.#end) this.#tellEnd(reader);
    else if (!this.#superseded && !this.#disposed) this.#pull();
  }

  #tellEnd(reader: Reader): void {
    if (this.#closed) reader.complete();
    else reader.error(this.#end);
  }

  #detach(reader: Reader): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    // In the midst of a chunk the next reader may come at once; `#feed` looks again when the chunk is done.
    if (!this.#feeding) this.#release();
  }

  #pull(): void {
    if (this.#input) return;
    // Made first, since what comes while `subscribe` is still on the stack may release it.
    const input = (this.#input = new XmlStream.#Input(this));
    input.follow(this.connection.input$);
  }

  #release(): void {
    const input = this.#input;
    this.#input = undefined;
    input?.unsubscribe();
  }

  #feed(chunk: Uint8Array | string): void {
    this.receivedAt = this.#clock.now();
    this.#feeding = true;
    this.#parser?.write(chunk);
    this.#feeding = false;
    if (!this.#reader) this.#release();
    this.wrote();
  }

  // A stream has one of each of these for as long as it lives: they are objects of two fields, and not functions around a stream.

  /** Takes what the parser finds. */
  static readonly #Parsed = class implements StreamParserHandlers {
    constructor(readonly stream: XmlStream) {}

    open(element: XmlElement, contentNs: string): void {
      const { stream } = this;
      stream.header = streamHeader(element, contentNs);
      stream.#reader?.header?.(stream.header);
    }

    element(element: XmlElement): void {
      const { stream } = this;
      if (element.xmlns === NS.stream && element.name === 'error') {
        const { condition, text, application, content } = receivedError(element, NS.streams, stream.secrets);
        const location = condition === 'see-other-host' ? content : undefined;
        stream.#endedByPeer(condition, [text, application].filter(Boolean).join(' '), location);
      } else if (stream.#reader?.next) {
        stream.#reader.next(element);
      } else {
        stream.#waiting.push(element);
      }
    }

    close(footer?: XmlElement): void {
      const { stream } = this;
      const elsewhere = footer?.attrs['see-other-uri'];
      // RFC 7395 section 3.6.1: as a stream error would say it over TCP.
      if (elsewhere !== undefined) return stream.#endedByPeer('see-other-host', elsewhere, elsewhere);
      stream.#closed = !stream.#end;
      stream.fail(closedByPeer());
    }

    error(error: StreamError | TlsError): void {
      this.stream.reject(error);
    }
  };

  /** Reads the connection. */
  static readonly #Input = class extends LeanSubscriber<Uint8Array | string> {
    constructor(readonly stream: XmlStream) {
      super();
    }

    protected override entered(chunk: Uint8Array | string): void {
      this.stream.#feed(chunk);
    }

    protected override ended(_how: unknown, error: XmppError = connectionClosed()): void {
      this.stream.fail(error);
    }
  };
}

export function closedByPeer(): StreamError {
  return new StreamError({ condition: 'stream-closed', text: 'the server closed the stream', retryable: true });
}

function connectionClosed(): TransportError {
  return new TransportError({
    condition: 'connection-closed',
    text: 'the server closed the connection without closing the stream',
  });
}
