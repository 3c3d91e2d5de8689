import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { WebSocket } from 'ws';
import * as angular from '../../lib/angular.js';
import * as rxmpp from '../../lib/index.js';
import * as testing from '../../lib/testing.js';
import type { RunningServer } from '../../lib/testing-node.js';
import type { WebSocketCtor } from '../../lib/index.js';
import { fakeFetch } from './fake-fetch.js';
import { projectRoot } from './project-root.js';

const text = readFileSync(join(projectRoot, 'README.md'), 'utf8');

/** Every snippet of README.md in TypeScript. */
export const snippets: readonly string[] = snippetsIn(text);

/** The one below this heading: `## Options`. */
export function snippetBelow(heading: string): string {
  const [, section = ''] = text.split(`\n${heading}\n`);
  const [snippet, ...more] = snippetsIn(section.split(/\n##+ /)[0]!);
  if (snippet === undefined || more.length > 0) throw new Error(`below "${heading}" there is not one snippet`);
  return snippet;
}

function snippetsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
}

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
  const { outputText } = ts.transpileModule(`${snippet}\nexport { ${names.join(', ')} };\n`, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      experimentalDecorators: true,
    },
  });
  const own: Record<string, unknown> = { rxmpp, 'rxmpp/angular': angular, 'rxmpp/testing': testing };
  const exported: Record<string, unknown> = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- our own README.
  const body = new Function('require', 'exports', 'console', outputText) as (...args: unknown[]) => void;
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
