import { WebSocket } from 'ws';
import * as angular from '../../lib/angular.js';
import * as rxmpp from '../../lib/index.js';
import * as testing from '../../lib/testing.js';
import type { RunningServer } from '../../lib/testing-node.js';
import type { WebSocketCtor } from '../../lib/index.js';
import { fakeFetch } from './fake-fetch.js';
import { transpiled } from './snippets.js';

/**
 * Runs a snippet as it stands, against the sources, and gives what of it is asked for.
 *
 * @param modules What it imports beside rxmpp.
 */
export function runSnippet(
  snippet: string,
  modules: (specifier: string) => unknown,
  { names = [] as readonly string[], console = globalThis.console as Pick<Console, 'log'> } = {},
): Record<string, unknown> {
  const code = transpiled(`${snippet}\nexport { ${names.join(', ')} };\n`);
  const own: Record<string, unknown> = { rxmpp, 'rxmpp/angular': angular, 'rxmpp/testing': testing };
  const exported: Record<string, unknown> = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- our own README.
  const body = new Function('require', 'exports', 'console', code) as (...args: unknown[]) => void;
  body((specifier: string) => own[specifier] ?? modules(specifier), exported, console);
  return exported;
}

/**
 * Makes this machine one on which a server's domain is found, and its certificate trusted: what is asked over HTTPS is answered with
 * its address, and the WebSocket knows its CA.
 *
 * @returns Undoes it.
 */
export function asIfPublic({ secureWebSocketUrl: href, ca }: RunningServer): () => void {
  const body = JSON.stringify({ links: [{ rel: 'urn:xmpp:alt-connections:websocket', href }] });
  const values = { fetch: fakeFetch({ 'host-meta.json': { body } }).fetch, WebSocket: trusting(ca) };
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      Reflect.deleteProperty(globalThis, name);
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    }
  };
}

/** `ws` that trusts this CA. */
export function trusting(ca: string): WebSocketCtor {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca, rejectUnauthorized: true });
    }
  } as unknown as WebSocketCtor;
}
