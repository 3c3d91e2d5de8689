import { Observable, Subscription, type SchedulerLike, type Subscriber } from 'rxjs';
import { TransportError } from '../../errors/index.js';
import type { ChannelBindingType, Connection } from '../../transport/transport.js';
import type { ServerPipe } from '../server/server-pipe.js';
import type { PipeTls } from '../server/server-stream.js';
import { Channel } from './channel.js';
import { later } from './later.js';
import { FaultGate, type LinkFault } from './link-fault.js';
import { MemoryConnection, type MemoryPeer } from './memory-connection.js';

/** Octets under way that a link takes before writes are buffered, as the windows of TCP do. */
const WINDOW = 65_536;

const encoder = new TextEncoder();

export interface MemoryWireInit {
  readonly scheduler: SchedulerLike;
  readonly framing: Connection['framing'];
  readonly security: 'starttls' | 'direct' | 'none';
  readonly latency: { readonly in: () => number; readonly out: () => number };
  readonly faults: readonly LinkFault[];
  /** The client's verdict on the certificate. */
  readonly tlsError: (() => unknown) | undefined;
  readonly clientIdentities: readonly string[];
  readonly channelBinding: ((type: ChannelBindingType) => Uint8Array | undefined) | undefined;
  readonly accept: (pipe: ServerPipe, tls: PipeTls) => void;
}

type Packet =
  | { readonly kind: 'syn' | 'hello' | 'fin' }
  | { readonly kind: 'data'; readonly data: Uint8Array | string; readonly secure: boolean }
  | { readonly kind: 'gone' };
type Answer =
  | { readonly kind: 'accepted' | 'shaken' | 'fin' | 'reset' }
  | { readonly kind: 'data'; readonly data: Uint8Array | string; readonly secure: boolean };

const TLS: NonNullable<Connection['tls']> = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' };

/** One connection in memory: two channels, the client's end and the server's pipe. */
export class MemoryWire implements ServerPipe {
  readonly framing: Connection['framing'];
  readonly startTls?: () => void;
  readonly #init: MemoryWireInit;
  readonly #subscriber: Subscriber<Connection>;
  readonly #out: Channel<Packet>;
  readonly #in: Channel<Answer>;
  readonly #outGate: FaultGate;
  readonly #inGate: FaultGate;
  readonly #clientTasks = new Subscription();
  // The client's side.
  #connection: MemoryConnection | undefined;
  #clientSecure: boolean;
  #handshake: Subscriber<Connection> | undefined;
  #secured: Subscriber<Connection> | undefined;
  #finSeen = false;
  #clientGone = false;
  #inFlight = 0;
  // The server's side.
  #onData: ((data: Uint8Array | string) => void) | undefined;
  #onClose: ((error?: unknown) => void) | undefined;
  #early: (Uint8Array | string)[] = [];
  #serverSecure: boolean;
  #serverShakes = false;
  #greeted = false;
  #serverEnded = false;
  #clientEnded = false;
  #serverGone = false;

  constructor(init: MemoryWireInit, subscriber: Subscriber<Connection>) {
    this.#init = init;
    this.#subscriber = subscriber;
    this.framing = init.framing;
    // A frame never begins in clear: `wss` has done that before.
    this.#clientSecure = this.#serverSecure = init.framing === 'frames' && init.security !== 'none';
    this.#outGate = new FaultGate('out', init.faults);
    this.#inGate = new FaultGate('in', init.faults);
    this.#out = new Channel(init.scheduler, init.latency.out, (packet) => this.#atServer(packet));
    this.#in = new Channel(init.scheduler, init.latency.in, (answer) => this.#atClient(answer));
    if (init.framing === 'stream' && init.security !== 'none') this.startTls = () => this.#shake();
  }

  open(): void {
    this.#out.send({ kind: 'syn' });
  }

  /** Whether the client still holds it. */
  get held(): boolean {
    return !this.#clientGone;
  }

  // What the network does.

  cut(tell: LinkFault['tell'] = 'both', error: unknown = reset()): void {
    this.#out.close();
    this.#in.close();
    if (tell !== 'server') this.#lose(error);
    if (tell !== 'client') this.#closeServer(error);
  }

  stall(direction: LinkFault['direction'] | 'both', stalled: boolean): void {
    if (direction !== 'in') this.#out.hold(stalled);
    if (direction !== 'out') this.#in.hold(stalled);
  }

  // The server's pipe.

  write(data: string | Uint8Array): void {
    if (this.#serverEnded || this.#serverGone) return;
    const secure = this.#serverSecure;
    if (this.framing === 'frames') {
      const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
      this.#pass(this.#inGate, encoder.encode(text), text, (part) =>
        this.#in.send({ kind: 'data', data: part, secure }),
      );
    } else {
      const bytes = typeof data === 'string' ? encoder.encode(data) : data;
      this.#pass(this.#inGate, bytes, undefined, (part) => this.#in.send({ kind: 'data', data: part, secure }));
    }
  }

  end(): void {
    if (this.#serverEnded || this.#serverGone) return;
    this.#serverEnded = true;
    this.#in.send({ kind: 'fin' });
    this.#completeServer();
  }

  destroy(): void {
    if (this.#serverGone) return;
    this.#serverGone = true;
    this.#in.send({ kind: 'reset' });
  }

  clientIdentities(): readonly string[] {
    return this.#serverSecure ? this.#init.clientIdentities : [];
  }

  channelBinding(type: ChannelBindingType): Uint8Array | undefined {
    return this.#serverSecure ? this.#init.channelBinding?.(type) : undefined;
  }

  onData(listener: (data: Uint8Array | string) => void): void {
    this.#onData = listener;
    for (const data of this.#early.splice(0)) listener(data);
  }

  onClose(listener: (error?: unknown) => void): void {
    this.#onClose = listener;
  }

  // What arrives.

  #atServer(packet: Packet): void {
    if (this.#serverGone) return;
    switch (packet.kind) {
      case 'syn': {
        const tls = this.#serverSecure
          ? 'active'
          : this.#init.security === 'starttls'
            ? 'starttls-available'
            : this.#init.security;
        this.#init.accept(this, tls);
        // Refused at once, it is not there at all.
        if (!this.#serverGone) this.#in.send({ kind: 'accepted' });
        return;
      }
      case 'hello':
        this.#greeted = true;
        return this.#shakeIfBothDo();
      case 'data':
        this.#inFlight -= packet.data.length;
        if (this.#inFlight < WINDOW) this.#connection?.stall(false);
        // Plaintext where TLS records must be, or the other way round.
        if (packet.secure !== this.#serverSecure) return this.#breakHandshake();
        if (this.#onData) this.#onData(packet.data);
        else this.#early.push(packet.data);
        return;
      case 'fin':
        this.#clientEnded = true;
        // As sockets do by default, the server ends its side when the client has.
        if (!this.#serverEnded) this.end();
        return this.#completeServer();
      case 'gone':
        return this.#closeServer();
    }
  }

  #atClient(answer: Answer): void {
    if (this.#clientGone) return;
    switch (answer.kind) {
      case 'accepted':
        if (this.#init.security === 'direct' && this.framing === 'stream') {
          this.#out.send({ kind: 'hello' });
          return;
        }
        return this.#emit(this.#subscriber, this.#clientSecure ? TLS : undefined);
      case 'shaken': {
        const error = this.#init.tlsError?.();
        if (error !== undefined) return this.#reject(error);
        this.#clientSecure = true;
        const waiting = this.#handshake;
        this.#handshake = undefined;
        if (waiting) this.#secured = waiting;
        return this.#emit(waiting ?? this.#subscriber, TLS);
      }
      case 'data':
        if (answer.secure !== this.#clientSecure || this.#handshake) return this.#reject(reset());
        return this.#connection?.push(answer.data);
      case 'fin':
        if (!this.#connection) return this.#lose(refused());
        this.#finSeen = true;
        this.#connection.finish();
        if (this.#connection.ended) this.#completeClient();
        return;
      case 'reset':
        return this.#lose(this.#connection ? reset() : refused());
    }
  }

  // The client's end.

  #emit(subscriber: Subscriber<Connection>, tls: Connection['tls']): void {
    const before = this.#connection;
    before?.close();
    const { scheduler, framing, security } = this.#init;
    const peer: MemoryPeer = {
      receive: (text) => this.#fromClient(text),
      end: () => {
        this.#out.send({ kind: 'fin' });
        if (this.#finSeen) this.#completeClient();
      },
      channelBinding: (type) => (tls ? this.#init.channelBinding?.(type) : undefined),
      ...(framing === 'stream' && security === 'starttls' && !tls ? { startTls: () => this.#secure() } : {}),
    };
    this.#connection = new MemoryConnection({ framing, tls, scheduler, peer, before });
    subscriber.next(this.#connection);
    // A fault before the first octet.
    if (!before) for (const gate of [this.#inGate, this.#outGate]) this.#strike(gate);
  }

  #fromClient(text: string): void {
    const bytes = encoder.encode(text);
    const secure = this.#clientSecure;
    this.#pass(this.#outGate, bytes, this.framing === 'frames' ? text : undefined, (data) => {
      this.#inFlight += data.length;
      this.#out.send({ kind: 'data', data, secure });
    });
    if (this.#inFlight >= WINDOW) this.#connection?.stall(true);
  }

  #secure(): Observable<Connection> {
    return new Observable((subscriber) => {
      this.#handshake = subscriber;
      if (this.#connection!.unread) this.#reject(reset());
      else this.#out.send({ kind: 'hello' });
      return () => this.release();
    });
  }

  /** The client lets go: what it wrote goes out, and the connection is closed. */
  release(): void {
    if (this.#clientGone) return;
    this.#connection?.close();
    this.#clientGone = true;
    this.#clientTasks.unsubscribe();
    this.#in.close();
    if (this.#serverGone) return;
    this.#out.send({ kind: 'gone' });
    // Without latency nothing is left behind, not even a timer.
    this.#out.hurry();
  }

  #lose(error: unknown): void {
    if (this.#clientGone) return;
    this.#in.close();
    this.#connection?.fail(error);
    // After `input$`, which may still be reading what arrived before.
    later(this.#init.scheduler, this.#clientTasks, 0, () => {
      this.#handshake?.error(error);
      this.#secured?.error(error);
      this.#subscriber.error(error);
    });
  }

  /** The client gives the handshake up, so the server loses the connection. */
  #reject(error: unknown): void {
    this.#lose(error);
    this.#out.send({ kind: 'gone' });
  }

  #completeClient(): void {
    later(this.#init.scheduler, this.#clientTasks, 0, () => {
      this.#secured?.complete();
      this.#subscriber.complete();
    });
  }

  // The server's end.

  #shake(): void {
    this.#serverSecure = true;
    this.#serverShakes = true;
    this.#early = [];
    this.#shakeIfBothDo();
  }

  #shakeIfBothDo(): void {
    if (!this.#greeted || !this.#serverShakes) return;
    this.#serverShakes = false;
    this.#in.send({ kind: 'shaken' });
  }

  #breakHandshake(): void {
    this.#in.send({ kind: 'reset' });
    this.#closeServer(reset());
  }

  #completeServer(): void {
    if (this.#serverEnded && this.#clientEnded) this.#closeServer();
  }

  #closeServer(error?: unknown): void {
    if (this.#serverGone) return;
    this.#serverGone = true;
    this.#onClose?.(error);
  }

  // Faults.

  #pass(
    gate: FaultGate,
    bytes: Uint8Array,
    frame: string | undefined,
    send: (data: Uint8Array | string) => void,
  ): void {
    const before = gate.reached;
    const part = gate.pass(bytes);
    const whole = part.length === bytes.length;
    if (frame !== undefined ? whole : part.length > 0) send(frame ?? part);
    if (gate.reached === undefined) return;
    if (before === undefined) this.#strike(gate);
    // A stall keeps the rest, as TCP would send it again should the link heal.
    if (gate.reached === 'stall' && !whole) send(frame ?? bytes.subarray(part.length));
  }

  #strike({ fault, reached }: FaultGate): void {
    if (!reached || !fault) return;
    if (reached === 'stall') return this.stall(fault.direction, true);
    // What was sent before the cut arrives before it.
    const cut = (): void => this.cut(fault.tell);
    if (fault.direction === 'in') this.#in.after(cut);
    else this.#out.after(cut);
  }
}

const reset = (): TransportError =>
  new TransportError({ condition: 'connection-reset', text: 'the connection was cut' });
const refused = (): TransportError =>
  new TransportError({ condition: 'connection-refused', text: 'the server takes no connections' });
