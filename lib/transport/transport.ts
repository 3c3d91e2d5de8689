import type { Observable, SchedulerLike } from 'rxjs';
import type { Crypto } from '../crypto/crypto.js';
import type { TlsInfo, Trace } from '../trace/lifecycle-event.js';

/** Bounds of every phase, in milliseconds. `deadline` bounds the attempt as a whole. */
export interface Timeouts {
  /** SRV, address and host-meta look-ups of one attempt, each look-up. */
  readonly resolve: number;
  /** TCP or WebSocket connect, each target by itself. */
  readonly target: number;
  /** Resolving and connecting together, over all targets. */
  readonly connect: number;
  /** The TLS handshake and the identity check, `verifyPeer` included. */
  readonly tls: number;
  /** Our header to the peer's header. */
  readonly open: number;
  /** The peer's header to its features. */
  readonly features: number;
  /** `<starttls/>` to `<proceed/>`. */
  readonly starttls: number;
  /** Each step of the SASL exchange. */
  readonly sasl: number;
  /** Resource binding, the legacy session, and each request of in-band registration. */
  readonly bind: number;
  /** `<enable/>` to its answer (XEP-0198 section 3). */
  readonly enable: number;
  /** `<resume/>` to its answer (XEP-0198 section 5). */
  readonly resume: number;
  /** Our footer to the peer's. */
  readonly close: number;
  /** Subscribe to online. */
  readonly deadline: number;
}

/**
 * - `required`: nothing goes on without TLS, whatever the server offers;
 * - `preferred`: TLS where the server offers it, and in clear where it does not, which somebody on the way can bring about;
 * - `disabled`: no TLS.
 */
export type TlsPolicy = 'required' | 'preferred' | 'disabled';

/** What a transport gets to know of the attempt that it serves. */
export interface ConnectContext {
  /**
   * The A-label domain of the JID: what is looked up where nothing else is configured, SNI, and always the reference
   * identity of certificates (RFC 6120 section 13.7.1.2), whatever host is dialled.
   */
  readonly domain: string;
  /**
   * Where the server of a session to be resumed wants to be reached, as `host`, `host:port` or `[address]:port` (XEP-0198
   * section 5), or another address that a proven server sent us to; a `wss:` URL for WebSockets. Tried before anything
   * else, under the same policy and identity.
   */
  readonly location?: string;
  readonly tls: TlsPolicy;
  readonly timeouts: Timeouts;
  readonly scheduler: SchedulerLike;
  /** As `Math.random`. */
  readonly random: () => number;
  readonly trace: Trace;
}

/** RFC 9266 and RFC 5929. */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** An open way to the peer: what a transport emits, once, when it is ready. */
export interface Connection {
  /** `stream`: RFC 6120 framing over bytes; `frames`: RFC 7395, one element a message. */
  readonly framing: 'stream' | 'frames';
  /**
   * Defined once TLS is established and the peer's identity verified, or where nobody can come between because the link
   * does not leave the machine (protocol `loopback`).
   */
  readonly tls: TlsInfo | undefined;
  /**
   * What the peer sends. One subscriber at a time; nothing is read (and nothing lost) while there is none. Completes
   * when the peer has ended its side, errors with a `TransportError` on any other loss.
   */
  readonly input$: Observable<Uint8Array | string>;
  /** Octets received and sent so far (of characters where a platform tells no octets), TLS overhead left out. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Octets accepted by `write` and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /**
   * Queues text for writing; what is written in one tick may go out in one segment. `written` is called once it was
   * handed to the operating system, in the order of the writes, and never if the connection is lost before. Writing on a
   * lost connection does nothing: the loss is told by `input$`.
   */
  write(text: string, written?: () => void): void;
  /** Ends our side after all that was written. */
  end(): void;
  /**
   * STARTTLS: a resource observable of the same connection under TLS, verified against the attempt's domain. Absent
   * where TLS cannot be started (WebSocket, direct TLS).
   */
  startTls?(): Observable<Connection>;
  /** Channel-binding data of the TLS connection (RFC 9266, RFC 5929), where the platform gives it. */
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

/**
 * A way to reach a server. `connect` is a resource observable: it does nothing until subscribed, emits one `Connection`
 * when that is ready, stays open while it lives, errors with a typed error on any loss (its `input$` first), completes
 * when the connection was ended by us, and on unsubscribe flushes what was written if that can be done at once, releases
 * everything and emits nothing more.
 */
export interface Transport {
  readonly name: string;
  /** What authentication computes with where the client is given nothing else; WebCrypto where this is absent. */
  readonly crypto?: Crypto;
  /** Whether the server of this A-label domain is on this machine: no network is needed then. Without it, it is not. */
  isLoopback?(domain: string): boolean;
  connect(context: ConnectContext): Observable<Connection>;
}
