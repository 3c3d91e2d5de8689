import type { Duplex } from 'node:stream';
import { Observable, type SchedulerLike, type Subscriber, type Subscription, type Unsubscribable } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { TlsInfo } from '../../trace/lifecycle-event.js';
import type { ChannelBindingType, Connection } from '../transport.js';

/** In milliseconds. */
const LINGER = 1000;

/** What tells a connection over TLS from one without. */
export interface SocketSecurity {
  readonly tls?: TlsInfo;
  startTls?(): Observable<SocketConnection>;
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

/** Where the listener finds whom it is for: it is the same for all sockets. */
const CONNECTION = Symbol('connection');
type ConnectedSocket = Duplex & { [CONNECTION]?: SocketConnection };

function onData(this: ConnectedSocket, chunk: Uint8Array | string): void {
  this[CONNECTION]!.received(chunk);
}

/**
 * A `Connection` over a socket that is open. It acts on the socket, and is told by `socketResource` what the socket
 * does; it listens to nothing but data, and to these only while somebody reads.
 */
export class SocketConnection implements Connection, Unsubscribable {
  readonly framing = 'stream';
  readonly tls: TlsInfo | undefined;
  startTls?: () => Observable<SocketConnection>;
  channelBinding?: (type: ChannelBindingType) => Uint8Array | undefined;
  bytesReceived = 0;
  bytesSent = 0;

  readonly #socket: ConnectedSocket;
  readonly #scheduler: SchedulerLike;
  readonly #linger: number;
  #reader: Subscriber<Uint8Array | string> | undefined;
  /** How the input ended. */
  #inputEnd: { readonly error: XmppError | undefined } | undefined;

  /** What was written in this tick. */
  #text = '';
  #callbacks: (() => void)[] | undefined;
  #flushing = false;
  /** Octets handed to the socket, and by it not yet to the operating system. */
  #queued = 0;
  /** Whether anything was ever written, which the peer may still have to read. */
  #spoken = false;
  #ended = false;
  #released = false;

  /** @param linger How long the peer may take to read what was written, and to end its side, after we let go. */
  constructor(
    socket: ConnectedSocket,
    scheduler: SchedulerLike,
    { tls, startTls, channelBinding }: SocketSecurity,
    linger = LINGER,
  ) {
    this.#socket = socket;
    socket[CONNECTION] = this;
    this.#scheduler = scheduler;
    this.#linger = linger;
    this.tls = tls;
    if (startTls) this.startTls = startTls;
    if (channelBinding) this.channelBinding = channelBinding;
  }

  get input$(): Observable<Uint8Array | string> {
    return new Observable((subscriber) => {
      if (this.#reader) throw new UsageError('input-busy', 'the input of a connection has one reader at a time');
      if (this.#inputEnd) return this.#tellInputEnd(subscriber);
      this.#reader = subscriber;
      this.#socket.on('data', onData);
      // Explicitly: a stream that was paused by hand does not flow again for a new listener alone.
      this.#socket.resume();
      return this;
    });
  }

  received(chunk: Uint8Array | string): void {
    this.bytesReceived += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
    this.#reader?.next(chunk);
  }

  /** The reader of `input$` has enough. */
  unsubscribe(): void {
    this.#reader = undefined;
    this.#socket.off('data', onData);
    // What arrives now waits in the socket's buffer, and from there TCP holds the peer back.
    this.#socket.pause();
  }

  get bufferedBytes(): number {
    return this.#queued + Buffer.byteLength(this.#text);
  }

  /** Whether we have ended our side. */
  get ended(): boolean {
    return this.#ended;
  }

  write(text: string, written?: () => void): void {
    if (this.#ended || this.#released || this.#socket.destroyed) return;
    this.#text += text;
    this.#spoken = true;
    if (written) (this.#callbacks ??= []).push(written);
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.flush());
  }

  end(): void {
    if (this.#ended || this.#released) return;
    this.flush();
    this.#ended = true;
    this.#socket.end();
  }

  /** Gives the socket over to TLS: nothing more is written in clear, and the end of the socket is the affair of TLS. */
  handOver(): void {
    this.flush();
    this.#ended = true;
  }

  /** Hands what was written in this tick to the socket, as one segment. */
  flush(): void {
    this.#flushing = false;
    if (this.#text === '' && !this.#callbacks) return;
    const bytes = Buffer.from(this.#text);
    const callbacks = this.#callbacks ?? [];
    this.#text = '';
    this.#callbacks = undefined;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#queued += bytes.length;
    this.#socket.write(bytes, (error) => {
      if (error) return;
      this.#queued -= bytes.length;
      this.bytesSent += bytes.length;
      if (this.#released) return;
      for (const written of callbacks) written();
    });
  }

  /** The input is over: by the peer's end, or by a loss. */
  inputEnded(error?: XmppError): void {
    if (this.#inputEnd) return;
    this.#inputEnd = { error };
    const reader = this.#reader;
    if (reader) this.#tellInputEnd(reader);
  }

  #tellInputEnd(reader: Subscriber<unknown>): undefined {
    if (this.#inputEnd?.error) reader.error(this.#inputEnd.error);
    else reader.complete();
  }

  /**
   * Lets go: what was written is flushed, our side is ended, and the socket destroyed once the peer has ended its side too, and
   * after `linger` in any case. A socket that is destroyed while the peer still speaks makes the kernel send a reset, and that
   * takes away from the peer what it has not read yet: stanzas that we had accepted, and the footer.
   */
  release(): void {
    this.#reader?.unsubscribe();
    this.flush();
    this.#released = true;
    const socket = this.#socket;
    if (socket.destroyed) return;
    // Whatever comes is let in and dropped, or the peer's end would never be seen behind it.
    socket.resume();
    if (!socket.writableEnded) socket.end();
    if (!this.#spoken || (socket.writableFinished && socket.readableEnded)) {
      socket.destroy();
      return;
    }
    let linger: Subscription | undefined = undefined;
    const destroy = () => {
      linger?.unsubscribe();
      socket.off('close', destroy);
      socket.destroy();
    };
    socket.on('close', destroy);
    if (this.#linger !== Infinity) linger = this.#scheduler.schedule(destroy, this.#linger);
  }
}
