import { NEVER, type Observable } from 'rxjs';
import type { Connection } from '../../lib/transport/transport.js';

/** A connection for specs of one operator: its input is an observable of the spec's, and it keeps what is written. */
export interface StubConnection extends Connection {
  readonly written: string[];
  /** `written` as one text. */
  readonly sent: string;
  readonly ended: boolean;
}

export function stubConnection(
  input$: Observable<Uint8Array | string> = NEVER,
  init: Partial<Pick<Connection, 'framing' | 'tls' | 'startTls' | 'channelBinding'>> = {},
): StubConnection {
  const written: string[] = [];
  let ended = false;
  return {
    framing: 'stream',
    tls: undefined,
    ...init,
    input$,
    bytesReceived: 0,
    bytesSent: 0,
    bufferedBytes: 0,
    written,
    get sent() {
      return written.join('');
    },
    get ended() {
      return ended;
    },
    write: (text, done) => {
      written.push(text);
      done?.();
    },
    end: () => {
      ended = true;
    },
  };
}
