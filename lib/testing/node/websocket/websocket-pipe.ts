import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ServerPipe } from '../../server/server-pipe.js';
import { reset } from '../reset.js';
import { FrameReader } from './frame-reader.js';
import { CloseCode, closeFrame, frame, Opcode } from './frame.js';

/** A WebSocket as the server sees it: every text is one message (RFC 7395 section 3.2). */
export class WebSocketPipe implements ServerPipe {
  readonly framing = 'frames';
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  #waiting: Buffer[] | undefined = [];
  #onData: (data: string) => void = () => undefined;
  #onClose: (error?: unknown) => void = () => undefined;
  #error: unknown;
  /** Our close frame is sent: nothing may follow it (section 5.5.1). */
  #closing = false;
  #partial = false;

  /** @param head What came together with the handshake. */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket;
    this.#reader = new FrameReader({
      text: (message) => this.#onData(message),
      ping: (payload) => this.#send(frame(Opcode.pong, payload)),
      close: (code) => {
        // Section 5.5.1: the answer has the code that came. Then the server closes the connection (section 7.1.1).
        this.#sendClose(code ?? CloseCode.normal);
        socket.end();
      },
      error: (code, reason) => {
        this.#error ??= new Error(`WebSocket: ${reason}`);
        this.#sendClose(code, reason);
        socket.end();
      },
    });
    if (socket instanceof Socket) socket.setNoDelay(true);
    // An error is always followed by `close`, which tells it on.
    socket.on('error', (error) => (this.#error ??= error));
    socket.once('close', () => this.#onClose(this.#error));
    // Without a close frame: its end is the end, whatever side it closes.
    socket.on('end', () => socket.end());
    this.#read(head);
    socket.on('data', (data: Buffer) => this.#read(data));
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** The handshake is answered: from here on there are frames. */
  open(answer: string): void {
    this.#socket.write(answer);
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const data of waiting) this.#reader.write(data);
  }

  write(data: string | Uint8Array): void {
    if (typeof data === 'string') return this.#send(frame(this.#opcode(), data));
    // A fault cuts a message here: a fragment that nothing follows.
    this.#send(frame(this.#opcode(), data, false));
    this.#partial = true;
  }

  end(): void {
    this.#sendClose(CloseCode.normal);
  }

  /** A reset, as a cut is. Of TLS only the connection below could be reset, and that is the HTTP server's. */
  destroy(): void {
    if (this.#socket instanceof Socket && !(this.#socket instanceof TLSSocket)) reset(this.#socket);
    else this.#socket.destroy();
  }

  /** Closes once the client has closed too, which it may never do: then after a second. Resolves when all is released. */
  release(): Promise<void> {
    return new Promise((done) => {
      if (this.#socket.closed) return done();
      const timer = setTimeout(() => this.#socket.destroy(), 1000);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        done();
      });
      this.end();
    });
  }

  onData(listener: (data: string) => void): void {
    this.#onData = listener;
  }

  onClose(listener: (error?: unknown) => void): void {
    this.#onClose = listener;
  }

  #opcode(): number {
    return this.#partial ? Opcode.continuation : Opcode.text;
  }

  #read(data: Buffer): void {
    if (this.#waiting) this.#waiting.push(data);
    else this.#reader.write(data);
  }

  #send(octets: Buffer): void {
    if (!this.#closing && this.#socket.writable) this.#socket.write(octets);
  }

  #sendClose(code: number, reason = ''): void {
    this.#send(closeFrame(code, reason));
    this.#closing = true;
  }
}
