import { Observable, Subscription, type SchedulerLike, type Subscriber } from 'rxjs';
import { later } from './later.js';
import type { ChannelBindingType, Connection } from '../../transport/transport.js';

type TlsInfo = NonNullable<Connection['tls']>;

/** Where a memory connection writes to. Calls arrive in the order of the writes, never inside of `write` itself. */
export interface MemoryPeer {
  /** What the client wrote in one tick (`stream`), or one message (`frames`). */
  receive(text: string): void;
  /** The client has ended its side. */
  end(): void;
  /** The client starts TLS. Absent where that cannot be. */
  startTls?(): Observable<Connection>;
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

export interface MemoryConnectionInit {
  readonly framing: Connection['framing'];
  readonly tls?: TlsInfo | undefined;
  readonly scheduler: SchedulerLike;
  readonly peer: MemoryPeer;
  /** The connection that this one secures: octets are counted on. */
  readonly before?: Connection | undefined;
}

type Item = { readonly chunk: Uint8Array | string } | { readonly end: true } | { readonly error: unknown };

const encoder = new TextEncoder();

/**
 * The client's end of a connection that exists in memory only. It behaves as a socket does: what arrives waits until
 * there is a subscriber; what is written goes out later, in one piece for each tick, so nobody is ever called back from
 * within its own `write`. All of it happens by the scheduler: in virtual time the exchange takes no time of its own.
 */
export class MemoryConnection implements Connection {
  readonly framing: Connection['framing'];
  readonly tls: TlsInfo | undefined;
  readonly input$: Observable<Uint8Array | string>;
  readonly startTls?: () => Observable<Connection>;
  readonly #peer: MemoryPeer;
  readonly #scheduler: SchedulerLike;
  readonly #tasks = new Subscription();
  readonly #inbox: Item[] = [];
  readonly #outbox: { text: string; written: (() => void) | undefined }[] = [];
  #reader: Subscriber<Uint8Array | string> | undefined;
  #draining = false;
  #flushing = false;
  #stalled = false;
  #ended = false;
  #endSent = false;
  #dead = false;
  #bytesReceived = 0;
  #bytesSent = 0;
  #bufferedBytes = 0;

  constructor({ framing, tls, scheduler, peer, before }: MemoryConnectionInit) {
    this.framing = framing;
    this.tls = tls;
    this.#scheduler = scheduler;
    this.#peer = peer;
    this.#bytesReceived = before?.bytesReceived ?? 0;
    this.#bytesSent = before?.bytesSent ?? 0;
    if (peer.startTls) this.startTls = () => peer.startTls!();
    this.input$ = new Observable((subscriber) => this.#read(subscriber));
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(text: string, written?: () => void): void {
    if (this.#dead || this.#ended) return;
    this.#outbox.push({ text, written });
    this.#bufferedBytes += encoder.encode(text).length;
    this.#flushLater();
  }

  end(): void {
    if (this.#dead || this.#ended) return;
    this.#ended = true;
    this.#flushLater();
  }

  channelBinding(type: ChannelBindingType): Uint8Array | undefined {
    return this.#peer.channelBinding?.(type);
  }

  // What follows is for the wire that this end hangs on.

  /** Whether the client has ended its side (`end` may still wait behind what is buffered). */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether something has arrived that nobody has read yet. */
  get unread(): boolean {
    return this.#inbox.some((item) => 'chunk' in item);
  }

  /** Bytes arrive. */
  push(chunk: Uint8Array | string): void {
    this.#arrive({ chunk });
  }

  /** The peer has ended its side: `input$` completes behind what has arrived. */
  finish(): void {
    this.#arrive({ end: true });
  }

  /** The link is lost: `input$` errors behind what has arrived; what is buffered for writing is gone. */
  fail(error: unknown): void {
    if (this.#dead) return;
    this.#dropOutbox();
    this.#arrive({ error });
    this.#dead = true;
  }

  /** The peer reads no more (`true`) or again (`false`): writes are buffered meanwhile, as behind a full TCP window. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    if (!stalled) this.#flushLater();
  }

  /** Hands over at once what was written, if the peer reads; then the connection is gone and calls nobody any more. */
  close(): void {
    this.#reader = undefined;
    if (!this.#dead) this.#flush();
    this.#dead = true;
    this.#dropOutbox();
    this.#inbox.length = 0;
    this.#tasks.unsubscribe();
  }

  #read(subscriber: Subscriber<Uint8Array | string>): () => void {
    if (this.#reader) throw new Error('a memory connection has one reader at a time');
    this.#reader = subscriber;
    if (this.#inbox.length > 0) this.#later(() => this.#drain());
    return () => {
      if (this.#reader === subscriber) this.#reader = undefined;
    };
  }

  #arrive(item: Item): void {
    if (this.#dead) return;
    this.#inbox.push(item);
    // A backlog goes first: it is drained by a task of its own.
    if (this.#inbox.length === 1) this.#drain();
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#reader && this.#inbox.length > 0) {
        const reader = this.#reader;
        const item = this.#inbox[0]!;
        if ('chunk' in item) {
          this.#inbox.shift();
          this.#bytesReceived += typeof item.chunk === 'string' ? encoder.encode(item.chunk).length : item.chunk.length;
          reader.next(item.chunk);
        } else if ('end' in item) {
          // The last word stays: a later reader hears it too.
          reader.complete();
        } else {
          reader.error(item.error);
        }
      }
    } finally {
      this.#draining = false;
    }
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#later(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#dead || this.#stalled) return;
    const batch = this.#outbox.splice(0);
    this.#bytesSent += this.#bufferedBytes;
    this.#bufferedBytes = 0;
    if (this.framing === 'frames') for (const { text } of batch) this.#peer.receive(text);
    else if (batch.length > 0) this.#peer.receive(batch.map(({ text }) => text).join(''));
    for (const { written } of batch) written?.();
    if (this.#ended && !this.#endSent) {
      this.#endSent = true;
      this.#peer.end();
    }
  }

  #dropOutbox(): void {
    this.#outbox.length = 0;
    this.#bufferedBytes = 0;
  }

  #later(task: () => void): void {
    later(this.#scheduler, this.#tasks, 0, task);
  }
}
