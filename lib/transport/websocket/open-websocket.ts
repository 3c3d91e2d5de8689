import { noop, Observable } from 'rxjs';
import { TransportError } from '../../errors/transport-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { Target } from '../../trace/lifecycle-event.js';
import type { ConnectContext, Connection } from '../transport.js';
import type { WebSocketCtor } from './web-socket-like.js';
import { WebSocketConnection } from './websocket-connection.js';
import type { WebSocketUrl } from './websocket-url.js';

const FAILED = { condition: 'websocket-failed', phase: 'connect' } as const;

/**
 * Opens one WebSocket: a resource observable.
 *
 * ```text
 * open, subprotocol xmpp   ---c----------#     # or | : closed by the peer, by us
 * refused                  ---#                websocket-failed: browsers do not say why
 * ```
 */
export function openWebSocket(
  url: WebSocketUrl,
  Ctor: WebSocketCtor,
  { scheduler, trace }: ConnectContext,
): Observable<Connection> {
  const { href, shown } = url;
  return new Observable((subscriber) => {
    const target = targetOf(url);
    trace({ type: 'connecting', target });
    const socket = create();
    let connection: WebSocketConnection | undefined;
    let cause: unknown;

    const lose = (error: XmppError) => {
      connection?.inputEnded(error);
      subscriber.error(error);
    };
    const refuse = () => {
      const why = (cause as Error | undefined)?.message || 'no server, refused, or a certificate that is not trusted';
      lose(new TransportError({ ...FAILED, text: `no WebSocket to ${shown}: ${why}`, cause }));
    };
    socket.onopen = () => {
      // RFC 7395 section 3.1: a server that speaks no XMPP may have accepted all the same.
      if (socket.protocol !== 'xmpp') {
        return lose(
          new TransportError({
            ...FAILED,
            condition: 'subprotocol-mismatch',
            text: `${shown} does not speak XMPP (subprotocol '${socket.protocol}')`,
            retryable: false,
          }),
        );
      }
      trace({ type: 'connected', target });
      connection = new WebSocketConnection(
        socket,
        scheduler,
        url.secure && { protocol: url.secure === 'tls' ? 'unknown' : 'loopback' },
      );
      subscriber.next(connection);
    };
    socket.onmessage = ({ data, isText }: { readonly data: unknown; readonly isText?: boolean }) => {
      const fault = connection?.receive(data, isText);
      if (fault) lose(fault);
    };
    // In a browser this tells nothing, elsewhere it has the reason. `close` follows, but where Node 22 has not connected.
    socket.onerror = ({ error }: { readonly error?: unknown }) => {
      cause = error;
      if (!connection) refuse();
    };
    socket.onclose = ({ code }: { readonly code: number }) => {
      if (!connection) return refuse();
      if (connection.ended) {
        connection.inputEnded();
        return subscriber.complete();
      }
      if (code === 1000) connection.inputEnded();
      lose(
        new TransportError({
          condition: 'connection-closed',
          // Without the server's reason, in which it could repeat what was sent to authenticate (threat A7).
          text: `the WebSocket to ${shown} was closed (code ${code})`,
          cause,
        }),
      );
    };

    return () => {
      // Closing a socket that is not open yet is an error for some; nobody is to hear of it.
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = noop;
      if (connection) connection.release();
      else socket.close();
    };
  });

  function create() {
    try {
      const socket = new Ctor(href, ['xmpp']);
      socket.binaryType = 'arraybuffer';
      return socket;
    } catch (cause) {
      // A page that was loaded over HTTPS may not leave TLS, and a policy of its own (CSP) may forbid more.
      throw new TransportError({
        ...FAILED,
        text: `this platform refuses a WebSocket to ${shown}${url.secure === 'tls' ? '' : '; use wss://'}`,
        retryable: false,
        cause,
      });
    }
  }
}

export function targetOf({ hostname: host, port, secure }: WebSocketUrl): Target {
  return { host, port, security: secure === 'tls' ? 'direct' : 'none' };
}
