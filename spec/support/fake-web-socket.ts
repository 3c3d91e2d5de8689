import type { WebSocketCtor, WebSocketLike } from '../../lib/transport/websocket/web-socket-like.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** A WebSocket that does what the spec says, when it says so. */
export class FakeWebSocket implements WebSocketLike {
  protocol = '';
  readyState = CONNECTING;
  bufferedAmount = 0;
  binaryType = 'blob';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  readonly sent: string[] = [];
  readonly closes: (number | undefined)[] = [];
  /** Whether what is sent stays in the buffer. */
  stalled = false;
  /** Is called with each message, as the server. */
  onSent: (text: string) => void = () => undefined;

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
  ) {}

  send(text: string): void {
    if (this.readyState === CONNECTING) throw new Error('InvalidStateError');
    this.sent.push(text);
    if (this.stalled || this.readyState !== OPEN) this.bufferedAmount += Buffer.byteLength(text);
    else this.onSent(text);
  }

  close(code?: number): void {
    this.closes.push(code);
    if (this.readyState < CLOSING) this.readyState = CLOSING;
  }

  open(protocol = 'xmpp'): void {
    this.protocol = protocol;
    this.readyState = OPEN;
    this.onopen?.({} as never);
  }

  message(data: unknown): void {
    this.onmessage?.({ data } as never);
  }

  /** As a browser tells it: `error` first where it was not clean. */
  closed(code = 1006, reason = ''): void {
    this.readyState = CLOSED;
    if (code === 1006) this.onerror?.({} as never);
    this.onclose?.({ code, reason, wasClean: code !== 1006 } as never);
  }
}

/** A constructor, and the sockets that it made so far. */
export function fakeWebSockets(made: (socket: FakeWebSocket) => void = () => undefined) {
  const sockets: FakeWebSocket[] = [];
  const WebSocketCtor = class extends FakeWebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
      made(this);
    }
  } satisfies WebSocketCtor;
  return {
    WebSocketCtor,
    sockets,
    get socket(): FakeWebSocket {
      if (sockets.length === 0) throw new Error('there is no WebSocket yet');
      return sockets.at(-1)!;
    },
  };
}
