import { NS, serialize, StreamParser, XmlElement } from '../../xml/index.js';
import type { Captures, Expected, WireEvent } from './steps.js';
import { prettyXml, xmlDiff } from './xml-diff.js';

/** What differs, and where: a path, or nothing for the whole. */
export type Difference = { readonly path?: string; readonly expected: string; readonly received: string };

const PLACEHOLDER = /\{([a-zA-Z][\w-]*)\}/;
const PLACEHOLDERS = new RegExp(PLACEHOLDER, 'g');
const HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/** Compares what the client sent with what a script expects. `undefined`: it matches, and `captures` has what was learnt. */
export function match(
  expected: Expected,
  event: WireEvent,
  { loose, framing, captures }: { loose: boolean; framing: 'stream' | 'frames'; captures: Record<string, string> },
): Difference | undefined {
  if (typeof expected === 'function') {
    const verdict = expected(event, captures);
    if (verdict === true) return undefined;
    if (typeof verdict === 'object') return void Object.assign(captures, verdict);
    return {
      path: verdict === false ? undefined : 'the whole',
      expected: 'what the function accepts',
      received: String(verdict),
    };
  }
  if (expected instanceof RegExp) {
    const found = expected.exec(show(event));
    if (!found) return { expected: String(expected), received: show(event) };
    Object.assign(captures, found.groups);
    return undefined;
  }
  const pattern: WireEvent =
    typeof expected === 'string' ? read(expected, framing) : { kind: 'element', element: expected };
  if (pattern.kind !== event.kind) return { path: 'the whole', expected: name(pattern), received: name(event) };
  // Captures of a comparison that fails must not stay.
  const learnt: Record<string, string> = { ...captures };
  const difference = compareEvents(pattern, event, loose, learnt);
  if (!difference) Object.assign(captures, learnt);
  return difference;
}

/**
 * Compares an element with a pattern. An `id` that the pattern does not name is not looked at: it is generated.
 *
 * @param captures What `{name}` stands for; what is learnt is added.
 */
export function matchElement(
  expected: XmlElement,
  received: XmlElement,
  captures: Record<string, string> = {},
): Difference | undefined {
  // What was made and not yet written has the namespace of where it is written: that of a client's stream.
  const read = received.xmlns === '' ? readPattern(serialize(received)) : received;
  const { id, ...others } = read.attrs;
  const generated = id !== undefined && expected.attrs.id === undefined;
  const looked = generated ? new XmlElement(read.name, read.xmlns, others, read.children) : read;
  const learnt = { ...captures };
  const difference = compare(expected, looked, expected.name, NS.client, false, learnt);
  if (!difference) Object.assign(captures, learnt);
  return difference;
}

/** Reads the XML of a pattern, as within a client's stream. */
export function readPattern(text: string): XmlElement {
  const event = read(text, 'stream');
  if (event.kind === 'element') return event.element;
  throw new Error(`the script is wrong: ${text} is not exactly one element`);
}

/** What is expected and what came, as XML, line by line; nothing where one of them is no element. */
export function diffEvents(expected: Expected, event: WireEvent, framing: 'stream' | 'frames'): string | undefined {
  if (event.kind !== 'element' || typeof expected === 'function' || expected instanceof RegExp) return undefined;
  const pattern = typeof expected === 'string' ? read(expected, framing) : undefined;
  const element = pattern?.kind === 'element' ? pattern.element : expected instanceof XmlElement ? expected : undefined;
  return element && xmlDiff(prettyXml(element), prettyXml(event.element), '    ');
}

/** Fills the captures in, escaped for XML. */
export function fill(text: string, captures: Captures): string {
  return text.replace(PLACEHOLDERS, (placeholder, key: string) => {
    const value = captures[key];
    if (value === undefined) throw new Error(`the reply names ${placeholder}, which nothing before has captured`);
    return value.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);
  });
}

export function show(event: WireEvent): string {
  switch (event.kind) {
    case 'open':
      return event.header.toString().replace(/\/>$/, event.contentNs ? ` xmlns='${event.contentNs}'>` : '/>');
    case 'element':
      return serialize(event.element);
    case 'close':
      return '</stream:stream>';
    case 'whitespace':
      return ' ';
  }
}

/** Reads the XML of an expectation; it throws where that is no XML, for a script that is wrong is no client's fault. */
function read(text: string, framing: 'stream' | 'frames'): WireEvent {
  if (text.length > 0 && text.trim() === '') return { kind: 'whitespace' };
  if (framing === 'stream' && /^<\/(\w+:)?stream\s*>$/.test(text.trim())) return { kind: 'close' };
  const events: WireEvent[] = [];
  const parser = new StreamParser(
    { framing },
    {
      open: (header, contentNs) => void events.push({ kind: 'open', header, contentNs }),
      element: (element) => void events.push({ kind: 'element', element }),
      close: () => void events.push({ kind: 'close' }),
      error: (error) => {
        throw new Error(`the script is wrong: ${text} is not XML: ${error.message}`, { cause: error });
      },
    },
  );
  // Elements are read within a stream, as the client's are.
  if (!(framing === 'frames' ? /^\s*<open[\s/>]/ : /^\s*(<\?xml[^>]*\?>\s*)?<(\w+:)?stream[\s>]/).test(text)) {
    parser.write(framing === 'frames' ? `<open xmlns='${NS.framing}'/>` : HEADER);
    events.shift();
  }
  parser.write(text.trim());
  const [event] = events;
  if (!event || events.length > 1)
    throw new Error(`the script is wrong: ${text} is not exactly one element, header or footer`);
  return event;
}

function name(event: WireEvent): string {
  return { open: 'a stream header', close: 'a footer', whitespace: 'white space', element: show(event) }[event.kind];
}

function compareEvents(
  expected: WireEvent,
  received: WireEvent,
  loose: boolean,
  captures: Record<string, string>,
): Difference | undefined {
  if (expected.kind === 'open' && received.kind === 'open') {
    if (expected.contentNs !== received.contentNs)
      return { path: `${expected.header.name}/@xmlns`, expected: expected.contentNs, received: received.contentNs };
    return compare(expected.header, received.header, expected.header.name, '', loose, captures);
  }
  if (expected.kind === 'element' && received.kind === 'element')
    return compare(expected.element, received.element, expected.element.name, NS.client, loose, captures);
  return undefined;
}

function compare(
  expected: XmlElement,
  received: XmlElement,
  path: string,
  parentNs: string,
  loose: boolean,
  captures: Record<string, string>,
): Difference | undefined {
  // An element made by `xml()` may leave its namespace to where it is written.
  const xmlns = expected.xmlns || (expected.attrs.xmlns === '' ? '' : parentNs);
  const want = `{${xmlns}}${expected.name}`;
  const have = `{${received.xmlns}}${received.name}`;
  if (want !== have) return { path, expected: want, received: have };
  return (
    compareAttributes(expected, received, path, loose, captures) ??
    compareChildren(expected, received, path, xmlns, loose, captures)
  );
}

function compareAttributes(
  expected: XmlElement,
  received: XmlElement,
  path: string,
  loose: boolean,
  captures: Record<string, string>,
): Difference | undefined {
  const names = new Set([...Object.keys(expected.attrs), ...(loose ? [] : Object.keys(received.attrs))]);
  for (const attribute of names) {
    // Declarations are compared as what they mean: the namespaces of the elements.
    if (attribute === 'xmlns' || attribute.startsWith('xmlns:')) continue;
    const want = expected.attrs[attribute];
    const have = received.attrs[attribute];
    const at = `${path}/@${attribute}`;
    if (want === undefined) return { path: at, expected: 'no such attribute', received: have! };
    if (have === undefined) return { path: at, expected: want, received: 'no such attribute' };
    if (!compareText(want, have, captures)) return { path: at, expected: want, received: have };
  }
  return undefined;
}

function compareChildren(
  expected: XmlElement,
  received: XmlElement,
  path: string,
  xmlns: string,
  loose: boolean,
  captures: Record<string, string>,
): Difference | undefined {
  const want = content(expected);
  const have = content(received);
  if (want.length === 1 && want[0] === '*') return undefined;
  if (loose) return compareLoosely(want, have, path, xmlns, captures);
  for (let index = 0; index < Math.max(want.length, have.length); index++) {
    const [one, other] = [want[index], have[index]];
    const difference = compareNode(one, other, `${path}[${index + 1}]`, xmlns, loose, captures);
    if (difference) return difference;
  }
  return undefined;
}

/** Each expected child must be found, in order; what lies between them is overlooked. */
function compareLoosely(
  want: Node[],
  have: Node[],
  path: string,
  xmlns: string,
  captures: Record<string, string>,
): Difference | undefined {
  let from = 0;
  for (const [index, one] of want.entries()) {
    let found = -1;
    let last: Difference | undefined;
    for (let at = from; at < have.length && found < 0; at++) {
      const learnt = { ...captures };
      const difference = compareNode(one, have[at], `${path}[${index + 1}]`, xmlns, true, learnt);
      if (difference) last ??= difference;
      else {
        found = at;
        Object.assign(captures, learnt);
      }
    }
    if (found < 0) return last ?? { path: `${path}[${index + 1}]`, expected: showNode(one), received: 'nothing' };
    from = found + 1;
  }
  return undefined;
}

type Node = XmlElement | string;

function compareNode(
  want: Node | undefined,
  have: Node | undefined,
  path: string,
  xmlns: string,
  loose: boolean,
  captures: Record<string, string>,
): Difference | undefined {
  if (want === undefined || have === undefined) return { path, expected: showNode(want), received: showNode(have) };
  if (typeof want === 'string')
    return typeof have === 'string' && compareText(want, have, captures)
      ? undefined
      : { path: `${path}#text`, expected: want, received: showNode(have) };
  if (typeof have === 'string') return { path, expected: showNode(want), received: have };
  return compare(want, have, `${path.replace(/\[\d+\]$/, '')}/${want.name}`, xmlns, loose, captures);
}

/** Texts joined; white space between elements left out. */
function content(element: XmlElement): Node[] {
  const nodes: Node[] = [];
  for (const child of element.children) {
    const last = nodes.length - 1;
    if (typeof child === 'string' && typeof nodes[last] === 'string') nodes[last] += child;
    else nodes.push(child);
  }
  return nodes.some((node) => typeof node !== 'string')
    ? nodes.filter((node) => typeof node !== 'string' || node.trim() !== '')
    : nodes;
}

function compareText(want: string, have: string, captures: Record<string, string>): boolean {
  if (want === '*') return true;
  if (!PLACEHOLDER.test(want)) return want === have;
  const keys: string[] = [];
  const source = want
    .split(/(\{[a-zA-Z][\w-]*\})/)
    .map((part) => {
      const key = PLACEHOLDER.exec(part)?.[1];
      if (key === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      keys.push(key);
      return '([^]+?)';
    })
    .join('');
  const found = new RegExp(`^${source}$`).exec(have);
  if (!found) return false;
  return keys.every((key, index) => {
    const value = found[index + 1]!;
    const known = captures[key];
    captures[key] = value;
    return known === undefined || known === value;
  });
}

function showNode(node: Node | undefined): string {
  return node === undefined ? 'nothing' : typeof node === 'string' ? node : serialize(node);
}
