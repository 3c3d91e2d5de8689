import { EMPTY, Observable, throwError, type SchedulerLike, type Subscriber, type Subscription } from 'rxjs';
import { StreamError } from '../../errors/stream-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { TlsInfo } from '../../trace/lifecycle-event.js';
import type { Connection } from '../transport.js';
import type { WebSocketLike } from './web-socket-like.js';

/** How often the socket is asked whether it has taken what was written, in milliseconds: it tells nobody by itself. */
const POLL = 50;
/** Characters, or octets, that may wait for a reader. A WebSocket cannot be paused, so a server that floods us must be left. */
const MAX_WAITING = 16 * 1024 * 1024;
/** And messages: an empty one takes memory, too. */
const MAX_MESSAGES = 16 * 1024;

/** A `Connection` over a WebSocket that is open: one element a message (RFC 7395). */
export class WebSocketConnection implements Connection {
  readonly framing = 'frames';
  readonly tls: TlsInfo | undefined;
  bytesReceived = 0;

  readonly #socket: WebSocketLike;
  readonly #scheduler: SchedulerLike;
  #reader: Subscriber<string | Uint8Array> | undefined;
  #waiting: (string | Uint8Array)[] = [];
  #waitingLength = 0;
  #inputEnd$: Observable<never> | undefined;
  /** Octets given to the socket so far. */
  #given = 0;
  #sent = 0;
  #callbacks: { readonly at: number; readonly written: () => void }[] = [];
  #polling: Subscription | undefined;
  #ended = false;

  constructor(socket: WebSocketLike, scheduler: SchedulerLike, tls: TlsInfo | undefined) {
    this.#socket = socket;
    this.#scheduler = scheduler;
    this.tls = tls;
  }

  readonly input$ = new Observable<string | Uint8Array>((subscriber) => {
    if (this.#reader) throw new UsageError('input-busy', 'the input of a connection has one reader at a time');
    this.#reader = subscriber;
    subscriber.add(() => (this.#reader = undefined));
    while (this.#waiting.length > 0 && !subscriber.closed) {
      const message = this.#waiting.shift()!;
      this.#waitingLength -= message.length;
      subscriber.next(message);
    }
    if (!subscriber.closed) this.#inputEnd$?.subscribe(subscriber);
  });

  get ended(): boolean {
    return this.#ended;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get bytesSent(): number {
    // Never less than before: some have the headers of frames in what is buffered, and a stall would look like a change.
    return (this.#sent = Math.max(this.#sent, this.#given - this.#socket.bufferedAmount));
  }

  write(text: string, written?: () => void): void {
    if (this.#ended || this.#inputEnd$ || this.#socket.readyState !== OPEN) return;
    this.#given += octets(text);
    this.#socket.send(text);
    if (!written) return;
    this.#callbacks.push({ at: this.#given, written });
    this.#polling ??= this.#scheduler.schedule(() => this.#poll(), 0);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.close(1000);
  }

  /**
   * A message came.
   *
   * @param isText Whether it was sent as text: some have the octets of a text, and say so (`transport/node/websocket.ts`).
   * @returns What is wrong with it, if anything is: the connection cannot go on then.
   */
  receive(data: unknown, isText = typeof data === 'string'): StreamError | undefined {
    if (this.#inputEnd$) return undefined;
    if (!isText) {
      // RFC 7395 section 3.2: text messages only.
      return new StreamError({ condition: 'bad-format', text: 'the server sent a binary message' });
    }
    const text = data as string | Uint8Array;
    this.bytesReceived += typeof text === 'string' ? octets(text) : text.length;
    if (this.#reader && this.#waiting.length === 0) this.#reader.next(text);
    else {
      this.#waiting.push(text);
      this.#waitingLength += text.length;
      if (this.#waitingLength > MAX_WAITING || this.#waiting.length > MAX_MESSAGES)
        return new StreamError({ condition: 'policy-violation', text: 'the server sends more than is read' });
    }
    return undefined;
  }

  /** The input is over: by the peer's end, or by a loss. */
  inputEnded(error?: XmppError): void {
    if (this.#inputEnd$) return;
    this.#inputEnd$ = error ? throwError(() => error) : EMPTY;
    // Whether the rest arrived nobody knows.
    this.#dropCallbacks();
    if (this.#reader) this.#inputEnd$.subscribe(this.#reader);
  }

  release(): void {
    this.#dropCallbacks();
    this.#waiting = [];
    this.end();
  }

  #dropCallbacks(): void {
    this.#polling?.unsubscribe();
    this.#callbacks = [];
  }

  #poll(): void {
    this.#polling = undefined;
    const sent = this.bytesSent;
    while (this.#callbacks.length > 0 && this.#callbacks[0]!.at <= sent) this.#callbacks.shift()!.written();
    if (this.#callbacks.length > 0) this.#polling = this.#scheduler.schedule(() => this.#poll(), POLL);
  }
}

const OPEN = 1;

/** The length in UTF-8, as `bufferedAmount` counts. */
function octets(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Each half of a surrogate pair counts two: four together.
    if (code >= 0x80) length += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return length;
}
