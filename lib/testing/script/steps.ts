import type { Connection } from '../../transport/transport.js';
import type { XmlElement } from '../../xml/index.js';

type TlsInfo = NonNullable<Connection['tls']>;

/** What the client's bytes come to: a stream header, an element at depth 1, a footer, or white space between them. */
export type WireEvent =
  | { readonly kind: 'open'; readonly header: XmlElement; readonly contentNs: string }
  | { readonly kind: 'element'; readonly element: XmlElement }
  | { readonly kind: 'close' }
  | { readonly kind: 'whitespace' };

/** What the script has learnt from the client by `{name}` placeholders. */
export type Captures = Readonly<Record<string, string>>;

/**
 * What the client is to send. A text is XML, compared as a tree: the order of attributes, quotes and white space between
 * elements do not matter. An attribute or text that reads `*` stands for anything; `{name}` (alone or within a longer
 * text) stands for anything but nothing, and is remembered: the same name must stand for the same text wherever it comes again.
 * A pattern is held against the canonical text (single quotes, `jabber:client` not declared); its named groups are remembered. A
 * function returns `true`, what it wants remembered, or what is wrong.
 */
export type Expected =
  | string
  | XmlElement
  | RegExp
  | ((event: WireEvent, captures: Captures) => boolean | string | Readonly<Record<string, string>>);

/** What the server answers. `{name}` in a text is filled in from the captures; bytes go out as they are. */
export type Reply = string | XmlElement | Uint8Array | ((captures: Captures) => string | Uint8Array);

export type ScriptStep =
  | { readonly step: 'expect'; readonly expected: Expected; readonly loose: boolean }
  | { readonly step: 'expect-end' }
  | { readonly step: 'reply'; readonly replies: readonly Reply[] }
  | { readonly step: 'after'; readonly ms: number }
  | { readonly step: 'start-tls'; readonly tls?: TlsInfo; readonly error?: unknown; readonly ms?: number }
  | { readonly step: 'cut'; readonly error?: unknown }
  | { readonly step: 'end' }
  | { readonly step: 'mute' }
  | { readonly step: 'stall'; readonly stalled: boolean }
  | { readonly step: 'run'; readonly task: (captures: Captures) => void };

/** Steps in order; nested lists are flattened, so that fragments compose. */
export type Script = readonly (ScriptStep | Script)[];

/** Waits for the client to send this. `loose` overlooks attributes and children that are not named. */
export const expects = (expected: Expected, { loose = false } = {}): ScriptStep => ({
  step: 'expect',
  expected,
  loose,
});

/** Waits for the client to end its side of the connection. */
export const expectsEnd = (): ScriptStep => ({ step: 'expect-end' });

/** Sends. Several parts go out as one chunk unless the `split` option says otherwise. */
export const reply = (...replies: Reply[]): ScriptStep => ({ step: 'reply', replies });

/** Lets `ms` milliseconds of the scheduler pass. What the client sends meanwhile waits for the next expectation. */
export const after = (ms: number): ScriptStep => ({ step: 'after', ms });

/**
 * Waits for the client to start TLS on its connection, and lets the handshake succeed after `ms` (default 0), or fail with
 * `error`; `ms: Infinity` is a handshake that never ends. `tls` is what the secured connection says of itself.
 */
export const startTls = ({ tls, error, ms }: { tls?: TlsInfo; error?: unknown; ms?: number } = {}): ScriptStep => ({
  step: 'start-tls',
  tls,
  error,
  ms,
});

/** Loses the connection: `input$` errors with `error`, by default a `TransportError` `connection-reset`. */
export const cut = (error?: unknown): ScriptStep => ({ step: 'cut', error });

/** The server ends its side: `input$` completes. */
export const end = (): ScriptStep => ({ step: 'end' });

/** From here on the server is silent, and deaf to whatever the client sends. */
export const mute = (): ScriptStep => ({ step: 'mute' });

/** The server reads no more: the client's writes stay buffered. */
export const stall = (): ScriptStep => ({ step: 'stall', stalled: true });

/** The server reads again. */
export const unstall = (): ScriptStep => ({ step: 'stall', stalled: false });

/** Runs `task` at this point of the script. */
export const run = (task: (captures: Captures) => void): ScriptStep => ({ step: 'run', task });

/** A wire table: rows of what the client sends and what the server answers (`undefined`: no answer). */
export const exchange = (...rows: (readonly [sent: Expected, answer?: Reply])[]): Script =>
  rows.map(([sent, answer]) => (answer === undefined ? expects(sent) : [expects(sent), reply(answer)]));

export function flatten(script: Script): ScriptStep[] {
  return script.flatMap((entry) => (isStep(entry) ? [entry] : flatten(entry)));
}

const isStep = (entry: ScriptStep | Script): entry is ScriptStep => 'step' in entry;
