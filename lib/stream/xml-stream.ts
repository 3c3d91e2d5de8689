import { asyncScheduler, concat, defer, EMPTY, Observable, Subject, Subscription, type SchedulerLike } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import { TlsError } from '../errors/tls-error.js';
import { TransportError } from '../errors/transport-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { XmppError } from '../errors/xmpp-error.js';
import { framingOf, type Framing, type HeaderAttributes } from '../transport/framing.js';
import type { Connection } from '../transport/transport.js';
import { NS } from '../xml/namespaces.js';
import { StreamParser } from '../xml/stream-parser.js';
import type { XmlElement } from '../xml/xml-element.js';
import { xmlLimits, type XmlLimits } from '../xml/xml-limits.js';
import { receivedStreamError } from './received-stream-error.js';
import { Secrets } from './secrets.js';
import { NO_HEADER, streamHeader, type StreamHeader } from './stream-header.js';

/** How a stream ended: by the peer's footer, or by an error. The first end counts. */
type End = XmppError | 'footer';

/** Whoever reads the stream at present. */
interface Reader {
  header?(header: StreamHeader): void;
  element?(element: XmlElement): void;
  end(end: End): void;
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
  header: StreamHeader = NO_HEADER;
  /** The features last advertised; or expected, until the first answer is read. */
  features!: XmlElement;
  /** Reads the header and the features, where something was sent ahead of them. */
  unread$: Observable<never> | undefined;

  /** None any more, once the stream has given the connection over or was let go. */
  #parser: StreamParser | undefined;
  /** What nobody has read yet, from `#taken` on: taking from the front of an array costs its length. */
  #waiting: XmlElement[] = [];
  #taken = 0;
  #reader: Reader | undefined;
  #traffic$: Subject<void> | undefined;
  /** While the connection is read. */
  #input: Subscription | undefined;
  #feeding = false;
  #end: End | undefined;
  #opened = false;
  /** While true, letting go sends no footer. */
  withholdFooter = false;
  /** When something last came, by the scheduler's clock; white space counts too. */
  receivedAt: number;
  /** Emits when octets came or went. Completes when the stream is let go. */
  get traffic$(): Observable<void> {
    if (this.#disposed) return EMPTY;
    return (this.#traffic$ ??= new Subject()).asObservable();
  }

  #superseded = false;
  /** Whether input is read although nobody reads elements. */
  #watching = false;
  #disposed = false;
  #footerSent = false;

  constructor(
    readonly connection: Connection,
    limits?: Partial<XmlLimits>,
    private readonly clock: Pick<SchedulerLike, 'now'> = asyncScheduler,
    /** What was sent to authenticate, on this stream or the one that it follows. */
    readonly secrets = new Secrets(),
  ) {
    this.receivedAt = clock.now();
    this.framing = framingOf(connection.framing);
    this.limits = xmlLimits(limits);
    this.#parser = new StreamParser(
      { framing: connection.framing, limits: this.limits },
      {
        open: (element, contentNs) => this.#onHeader(element, contentNs),
        element: (element) => this.#onElement(element),
        close: (footer) => this.#onFooter(footer),
        error: (error) => void this.reject(error),
      },
    );
  }

  /** Sends our header. */
  open(header: HeaderAttributes): void {
    // Whoever is told of the opening may give up there and then.
    if (this.#disposed) return;
    this.#opened = true;
    this.connection.write(this.framing.header(header));
  }

  /** The peer's header. */
  get header$(): Observable<StreamHeader> {
    return new Observable((subscriber) => {
      const reader: Reader = {
        header: (header) => {
          this.#detach(reader);
          subscriber.next(header);
          subscriber.complete();
        },
        end: (end) => subscriber.error(end === 'footer' ? closedByPeer() : end),
      };
      subscriber.add(() => this.#detach(reader));
      if (this.header !== NO_HEADER) reader.header!(this.header);
      else this.#attach(reader);
    });
  }

  /** The next element alone. A footer in its place is an error. */
  get next$(): Observable<XmlElement> {
    return this.nextThat(() => true);
  }

  /** As `next$`, passing over elements that are not awaited. They are told to `isAwaited`, and to nobody else. */
  nextThat(isAwaited: (element: XmlElement) => boolean): Observable<XmlElement> {
    const taken$ = new Observable<XmlElement>((subscriber) => {
      const reader: Reader = {
        element: (element) => {
          if (!isAwaited(element)) return;
          // First out of the way: whoever gets the element may read the next one at once.
          this.#detach(reader);
          subscriber.next(element);
          subscriber.complete();
        },
        end: (end) => subscriber.error(end === 'footer' ? closedByPeer() : end),
      };
      subscriber.add(() => this.#detach(reader));
      this.#attach(reader);
    });
    return defer(() => {
      const first$ = this.unread$;
      this.unread$ = undefined;
      return first$ ? concat(first$, taken$) : taken$;
    });
  }

  /**
   * Elements at the top level of the stream, in order, whether they came before or after subscribing. One reader at a
   * time. Completes with the peer's footer; errors with a `StreamError`, the parser's fault or the loss of the connection.
   */
  get element$(): Observable<XmlElement> {
    return new Observable((subscriber) => {
      const reader: Reader = {
        element: (element) => subscriber.next(element),
        end: (end) => {
          if (end === 'footer') subscriber.complete();
          else subscriber.error(end);
        },
      };
      subscriber.add(() => this.#detach(reader));
      this.#attach(reader);
    });
  }

  /**
   * Writes an element.
   *
   * @param written Is called once the element was handed to the operating system, and calls `wrote`.
   * @throws XmlError Where the element cannot be written; nothing is written then.
   */
  send(element: XmlElement, written = this.wrote): void {
    this.connection.write(this.framing.element(element), written);
    this.wrote();
  }

  /** Tells that octets came or went. One function for all writes: nothing is made for each of them. */
  readonly wrote = (): void => {
    if (this.#traffic$?.observed) this.#traffic$.next();
  };

  /** Gives elements back that came before their time: whoever reads next gets them first, in order. */
  unread(elements: readonly XmlElement[]): void {
    this.#waiting = elements.concat(this.#waiting.slice(this.#taken));
    this.#taken = 0;
  }

  /** Sends the footer, once, after all that was sent (RFC 6120 section 4.4). */
  close(): void {
    if (!this.#opened || this.#superseded || this.#footerSent) return;
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
      this.#watching = true;
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
    this.#watching = false;
    this.#release();
    this.#parser = undefined;
    this.#throwEnd();
  }

  #seal(reason: 'tls' | 'restart'): void {
    this.#superseded = true;
    this.#parser!.seal(reason);
    if (this.#waiting.length > this.#taken) this.#finish(tooEarly(reason));
  }

  #throwEnd(): void {
    if (this.#end && this.#end !== 'footer') throw this.#end;
  }

  /**
   * Ends the stream because the peer broke the protocol, and tells it so (RFC 6120 section 4.9.1.1).
   *
   * @returns The error, to be thrown.
   */
  reject(error: XmppError): XmppError {
    if (!(error instanceof StreamError)) {
      this.#finish(error);
      return error;
    }
    const { condition, phase, retryable } = error;
    // What it quotes of the peer's is not to be what we sent to authenticate.
    const text = this.secrets.told(error.text);
    const told = text ? error : new StreamError({ condition, phase, retryable });
    if (this.#opened && !this.#superseded && !this.#footerSent) {
      this.#footerSent = true;
      this.connection.write(this.framing.error(condition, text));
      this.connection.write(this.framing.footer);
    }
    this.#finish(told);
    return told;
  }

  /** Ends the stream for a reason that its own bytes do not show (a dead link, say), without a word to the peer. */
  fail(error: XmppError): void {
    this.#finish(error);
  }

  /** Writes the footer if the stream is open, and lets go. */
  dispose(): void {
    this.#disposed = true;
    this.#parser?.dispose();
    this.#release();
    if ((this.#end === undefined || this.#end === 'footer') && !this.withholdFooter) this.close();
    if (this.#footerSent) this.connection.end();
    this.#traffic$?.complete();
  }

  #attach(reader: Reader): void {
    if (this.#reader) throw new UsageError('stream-busy', 'a stream has one reader at a time');
    this.#reader = reader;
    while (this.#taken < this.#waiting.length && this.#reader === reader) {
      const element = this.#waiting[this.#taken++]!;
      if (this.#taken === this.#waiting.length) {
        this.#waiting = [];
        this.#taken = 0;
      }
      reader.element?.(element);
    }
    if (this.#reader !== reader) return;
    if (this.#end) reader.end(this.#end);
    else if (!this.#superseded && !this.#disposed) this.#pull();
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
    const input = (this.#input = new Subscription());
    input.add(
      this.connection.input$.subscribe({
        next: (chunk) => this.#feed(chunk),
        error: (error: XmppError) => this.#finish(error),
        complete: () => {
          if (this.#input === input) this.#finish(connectionClosed());
        },
      }),
    );
  }

  #release(): void {
    const input = this.#input;
    this.#input = undefined;
    input?.unsubscribe();
  }

  #feed(chunk: Uint8Array | string): void {
    this.receivedAt = this.clock.now();
    this.#feeding = true;
    try {
      this.#parser?.write(chunk);
    } finally {
      this.#feeding = false;
    }
    if (!this.#reader && !this.#watching) this.#release();
    this.wrote();
  }

  #onHeader(element: XmlElement, contentNs: string): void {
    this.header = streamHeader(element, contentNs);
    this.#reader?.header?.(this.header);
  }

  #onElement(element: XmlElement): void {
    if (element.xmlns === NS.stream && element.name === 'error') {
      this.close();
      this.#finish(receivedStreamError(element, this.secrets, (location) => this.#mayFollow(location)));
    } else if (this.#reader?.element) {
      this.#reader.element(element);
    } else {
      this.#waiting.push(element);
    }
  }

  #onFooter(footer: XmlElement | undefined): void {
    const elsewhere = footer?.attrs['see-other-uri'];
    if (elsewhere === undefined) return this.#finish('footer');
    // RFC 7395 section 3.6.1: as a stream error would say it over TCP.
    this.close();
    const told = this.secrets.told(elsewhere);
    const location = this.#mayFollow(told) ? told : undefined;
    const text = `the server sends us to ${told || 'another address'}`;
    this.#finish(new StreamError({ condition: 'see-other-host', origin: 'remote', location, text }));
  }

  /** Only who has proved who it is can send us elsewhere; and from a WebSocket never out of TLS (RFC 7395 section 3.6.1). */
  #mayFollow(location: string): boolean {
    return this.connection.tls !== undefined && (this.framing.name === 'stream' || /^wss:\/\//i.test(location.trim()));
  }

  #finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    this.#parser?.dispose();
    this.#reader?.end(end);
  }
}

export function closedByPeer(): StreamError {
  return new StreamError({ condition: 'stream-closed', text: 'the server closed the stream', retryable: true });
}

function tooEarly(reason: 'tls' | 'restart'): XmppError {
  const text = 'the server sent elements before the stream restarted';
  return reason === 'tls'
    ? new TlsError({ condition: 'data-after-proceed', text })
    : new StreamError({ condition: 'policy-violation', text });
}

function connectionClosed(): TransportError {
  return new TransportError({
    condition: 'connection-closed',
    text: 'the server closed the connection without closing the stream',
  });
}
