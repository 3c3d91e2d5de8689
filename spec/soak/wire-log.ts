import { map, tap, type Observable } from 'rxjs';
import type { Connection, Transport } from '../../lib/transport/transport.js';

/** A message on the wire of one client. */
export interface WireEntry {
  readonly id: string;
  /** Which connection of this client it was, from 1. */
  readonly connection: number;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** The messages that one client put on its wire, and that came to it by it: below TLS's surface, above all of the library. */
export class WireLog {
  readonly written: WireEntry[] = [];
  readonly read: WireEntry[] = [];
  #connections = 0;

  /** The same transport, with its wire logged once it is secured. */
  watch(inner: Transport): Transport {
    return { name: inner.name, connect: (context) => inner.connect(context).pipe(map((open) => this.#clear(open))) };
  }

  #clear(connection: Connection): Connection {
    return overriding(connection, {
      startTls: () => connection.startTls!().pipe(map((secured) => this.#secured(secured))),
    });
  }

  #secured(connection: Connection): Connection {
    const number = ++this.#connections;
    const decoder = new TextDecoder();
    const written = scanner(this.written, number);
    const read = scanner(this.read, number);
    return overriding(connection, {
      write: (text, done) => {
        written(text);
        connection.write(text, done);
      },
      input$: connection.input$.pipe(
        tap((chunk) => read(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))),
      ) as Observable<Uint8Array | string>,
    });
  }
}

/** Notes the id of every message that has come to its end, wherever the text is divided. */
function scanner(entries: WireEntry[], connection: number): (text: string) => void {
  const END = '</message>';
  let rest = '';
  return (text) => {
    rest += text;
    for (let end = rest.indexOf(END); end >= 0; end = rest.indexOf(END)) {
      const start = rest.lastIndexOf('<message ', end);
      const id = /\sid=['"]([^'"]*)['"]/.exec(rest.slice(start, rest.indexOf('>', start)))?.[1];
      if (id !== undefined) entries.push({ id, connection, at: Date.now() });
      rest = rest.slice(end + END.length);
    }
  };
}

function overriding(connection: Connection, part: Partial<Connection>): Connection {
  return new Proxy(connection, {
    get(target, key) {
      if (key in part) return part[key as keyof Connection];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}
