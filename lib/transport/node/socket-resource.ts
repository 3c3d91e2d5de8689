import type { Duplex } from 'node:stream';
import { EMPTY, Observable, Subscription, type SchedulerLike, type Subscriber, type Unsubscribable } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import { SocketConnection, type SocketSecurity } from './socket-connection.js';
import { closedError, lossError } from './socket-error.js';

export interface SocketConfig<S extends Duplex> {
  /** Makes the socket: one for each subscription. */
  readonly open: () => S;
  /** The event after which it can be used; `undefined` for a socket that can be used at once. */
  readonly ready: 'connect' | 'secureConnect' | undefined;
  /** For messages: `host:port`. */
  readonly peer: string;
  readonly scheduler: SchedulerLike;
  /** As of `TcpConfig`. */
  readonly linger?: number;
  /** What it failed with before it was ready. */
  readonly failed: (error: NodeJS.ErrnoException) => unknown;
  /** Checks that the socket may be used, once it is ready: completes, or errors with the reason why not. */
  readonly verify?: (socket: S) => Observable<unknown>;
  /** What the connection is told of TLS. The holder is to hand over before TLS is put on the socket. */
  readonly security: (socket: S, holder: SocketHolder) => SocketSecurity;
}

/** Whoever holds a socket. */
export interface SocketHolder {
  /** The socket is somebody else's from now on. */
  handOver(): void;
}

/**
 * A socket as resource: opened by subscribing, emitted as `Connection` when it is ready, closed by unsubscribing. This is
 * the one place that listens to sockets, and all listeners but that of errors go with the subscription, so
 * nothing that an old socket does can reach anybody.
 *
 * ```text
 * open, connect     --c----------------
 * unsubscribe early -!                   destroyed
 * refused           --#                  `failed`
 * reset             --c-----#            its input$ first
 * peer's end        --c-----#            `connection-closed`, unless we end our side while input$ completes
 * both ended        --c-----|
 * ```
 *
 * A connection handed over to TLS is over for its own subscribers: it only completes once the socket is closed.
 */
export function socketResource<S extends Duplex>(config: SocketConfig<S>): Observable<SocketConnection> {
  return new Observable<SocketConnection>((subscriber) => {
    const opening = new OpenSocket(config.open(), config.peer, subscriber);
    subscriber.add(opening);
    opening.begin(config);
  });
}

/**
 * Lets go of all that led to a connection (look-up, race, timers), and holds the connection alone.
 *
 * ```text
 * source    ---c-------#
 * subs      ^  !              but the socket stays
 * settled   ---c-------#
 * ```
 *
 * What stands between `socketResource` and this sees nothing of what comes later.
 */
export function settled(source: Observable<SocketConnection>): Observable<SocketConnection> {
  return new Observable((subscriber) => {
    const way = new Subscription();
    const leave = () => way.unsubscribe();
    subscriber.add(leave);
    way.add(
      source.subscribe({
        next: (connection) => {
          // First, so that nobody has two teardowns, which takes a list.
          subscriber.remove(leave);
          opened.get(connection)!.moveTo(subscriber);
          leave();
          subscriber.next(connection);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
  });
}

/** The socket of each connection. */
const opened = new WeakMap<SocketConnection, OpenSocket>();

/** Where a listener finds whom it is for: thousands of sockets have the same few listeners. */
const HOLDER = Symbol('holder');
type HeldSocket = Duplex & { [HOLDER]?: OpenSocket };

/** Whether somebody uses it already. */
export function isHeld(socket: HeldSocket): boolean {
  return socket[HOLDER] !== undefined;
}

/** Stays: sockets that we let go of may still fail, and an `error` event without a listener ends the process. */
function onError(this: HeldSocket, error: NodeJS.ErrnoException): void {
  this[HOLDER]?.onError(error);
}

function onEnd(this: HeldSocket): void {
  this[HOLDER]?.onEnd();
}

function onClose(this: HeldSocket): void {
  this[HOLDER]?.onClose();
}

/** A socket and whoever holds it. */
class OpenSocket implements Unsubscribable, SocketHolder {
  readonly #socket: HeldSocket;
  readonly #peer: string;
  #holder: Subscriber<SocketConnection>;
  #connection: SocketConnection | undefined;
  #handedOver = false;
  #released = false;
  /** Before it is ready: what is listened for, and what a failure is called then. */
  #opening: { readonly ready?: string; onReady(): void; failed(error: NodeJS.ErrnoException): unknown } | undefined;

  constructor(socket: Duplex, peer: string, holder: Subscriber<SocketConnection>) {
    this.#socket = socket;
    this.#peer = peer;
    this.#holder = holder;
  }

  begin<S extends Duplex>({ ready, scheduler, linger, failed, verify = () => EMPTY, security }: SocketConfig<S>): void {
    const socket = this.#socket as S & HeldSocket;
    const onReady = () => {
      if (ready) socket.off(ready, onReady);
      this.#holder.add(
        verify(socket).subscribe({
          error: (error: unknown) => this.#holder.error(error),
          complete: () => {
            if (this.#released) return;
            // The peer's end came meanwhile, and is not told again.
            if (socket.readableEnded) return this.#holder.error(failed(closedBeforeReady()));
            const connection = new SocketConnection(socket, scheduler, security(socket, this), linger);
            opened.set(connection, this);
            this.#connection = connection;
            this.#opening = undefined;
            this.#holder.next(connection);
          },
        }),
      );
    };
    this.#opening = { ready, onReady, failed };
    socket[HOLDER] = this;
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    if (ready) socket.on(ready, onReady);
    else onReady();
  }

  /** From now on it is held by somebody else, and whoever held it may go. */
  moveTo(holder: Subscriber<SocketConnection>): void {
    this.#holder.remove(this);
    this.#holder = holder;
    holder.add(this);
  }

  unsubscribe(): void {
    this.#released = true;
    const socket = this.#socket;
    const ready = this.#opening?.ready;
    if (ready) socket.off(ready, this.#opening!.onReady);
    if (socket[HOLDER] === this) socket[HOLDER] = undefined;
    socket.off('end', onEnd);
    socket.off('close', onClose);
    // Once handed over, flushing and closing are the business of the TLS socket on top.
    if (this.#handedOver) return;
    if (this.#connection) this.#connection.release();
    else socket.destroy();
  }

  handOver(): void {
    if (this.#handedOver) throw new UsageError('tls-started', 'TLS can be started once on a connection');
    this.#connection!.handOver();
    this.#handedOver = true;
  }

  #lose(error: XmppError): void {
    this.#connection!.inputEnded(error);
    this.#holder.error(error);
  }

  onError(error: NodeJS.ErrnoException): void {
    const connection = this.#connection;
    if (this.#handedOver) return;
    if (!connection) this.#holder.error(this.#opening!.failed(error));
    // The peer may reset what we have ended; nothing of ours is lost by that.
    else if (connection.ended && this.#socket.writableFinished) connection.inputEnded();
    else this.#lose(lossError(error, this.#peer));
  }

  onEnd(): void {
    const connection = this.#connection;
    if (this.#handedOver || !connection) return;
    connection.inputEnded();
    if (!connection.ended) this.#holder.error(closedError(this.#peer));
  }

  onClose(): void {
    const connection = this.#connection;
    if (this.#handedOver) this.#holder.complete();
    else if (!connection) this.#holder.error(this.#opening!.failed(closedBeforeReady()));
    else if (connection.ended) {
      connection.inputEnded();
      this.#holder.complete();
    } else this.#lose(closedError(this.#peer));
  }
}

function closedBeforeReady(): NodeJS.ErrnoException {
  return Object.assign(new Error('closed'), { code: 'ECONNRESET' });
}
