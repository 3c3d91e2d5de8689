import { matchElement, readPattern } from '../script/match.js';
import { prettyXml, xmlDiff } from '../script/xml-diff.js';
import { serialize, XmlElement } from '../../xml/index.js';
import { Like } from './like.js';

/** How an error is told apart: by its condition, and by what else an expectation names. */
interface ErrorFacts {
  readonly name?: string;
  readonly condition?: string;
  readonly phase?: string;
  readonly layer?: string;
  readonly message?: string;
}

/**
 * Says how what was received differs from what was expected, or nothing where it does not:
 * elements by what they mean (`matchElement`), a text that is XML as the pattern of an element, errors by condition (and what else an
 * expectation names), `like(...)` by the members that it names, everything else member by member.
 */
export function differenceOf(expected: unknown, received: unknown, path = ''): string | undefined {
  if (received instanceof XmlElement) return differenceOfElements(expected, received, path);
  if (expected instanceof Like) return differenceOfMembers(expected.members, received, path);
  if (Object.is(expected, received)) return undefined;
  if (isError(received) || isError(expected)) return differenceOfErrors(expected, received, path);
  if (typeof expected !== 'object' || typeof received !== 'object' || expected === null || received === null)
    return told(path, show(expected), show(received));
  if (Array.isArray(expected) !== Array.isArray(received)) return told(path, show(expected), show(received));
  // A class of its own knows best when two of it are the same.
  if (hasEquals(expected)) return expected.equals(received) ? undefined : told(path, show(expected), show(received));
  const parts = partsOf(expected);
  // Another kind of thing may have the same parts.
  if (parts && expected.constructor !== received.constructor) return told(path, show(expected), show(received));
  if (parts) return differenceOf(parts, partsOf(received), path);
  const names = new Set([...Object.keys(expected), ...Object.keys(received)]);
  // What shows nothing of itself is the same as itself alone.
  if (names.size === 0 && !(isPlain(expected) && isPlain(received))) return told(path, show(expected), show(received));
  const all = expected as Record<string, unknown>;
  for (const name of names) {
    const difference = differenceOf(all[name], (received as Record<string, unknown>)[name], `${path}.${name}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceOfElements(expected: unknown, received: XmlElement, path: string): string | undefined {
  if (expected instanceof Like) return differenceOfMembers(expected.members, received, path);
  const pattern =
    typeof expected === 'string' && expected.trimStart().startsWith('<') ? readPattern(expected) : expected;
  if (!(pattern instanceof XmlElement)) return told(path, show(expected), prettyXml(received).join('\n'));
  const difference = matchElement(pattern, received);
  if (!difference) return undefined;
  const where = difference.path === undefined ? '' : ` (${difference.path})`;
  // A generated id is no difference.
  const attrs = { ...(received.attrs.id !== undefined && { id: received.attrs.id }), ...pattern.attrs };
  const shown = new XmlElement(pattern.name, pattern.xmlns, attrs, pattern.children);
  return `${path}${where}\n${xmlDiff(prettyXml(shown), prettyXml(received), '    ')}`;
}

function differenceOfMembers(
  members: Readonly<Record<string, unknown>>,
  received: unknown,
  path: string,
): string | undefined {
  if (typeof received !== 'object' || received === null) return told(path, show(members), show(received));
  for (const [name, member] of Object.entries(members)) {
    const difference = differenceOf(member, (received as Record<string, unknown>)[name], `${path}.${name}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** The same for what an observable has errored with, whatever that is. */
export function differenceOfErrors(expected: unknown, received: unknown, path = ''): string | undefined {
  if (expected instanceof Like) return differenceOfMembers(expected.members, received, path);
  if (Object.is(expected, received)) return undefined;
  const [want, have] = [factsOf(expected), factsOf(received)];
  if (!want || !have) return told(path, show(expected), show(received));
  // An error that is none: there is nothing to tell it by but its members.
  if (want.condition === undefined && want.message === undefined)
    return isError(received) ? told(path, show(expected), showError(have)) : differenceOf(expected, received, path);
  // A condition says more than a message, which is for people.
  const names =
    want.condition === undefined ? (['name', 'message'] as const) : (['condition', 'phase', 'layer'] as const);
  const differs = names.some((name) => want[name] !== undefined && want[name] !== have[name]);
  if (differs) return told(path, showError(want), showError(have));
  // Whatever else an expectation names that is no error itself: its type, its text.
  if (!isPlain(expected) || isError(expected)) return undefined;
  const others = Object.entries(expected as object).filter(([name]) => !(name in want));
  return others.length === 0 ? undefined : differenceOfMembers(Object.fromEntries(others), received, path);
}

/** The names of the errors whose message begins with their condition. */
const OURS = /^(Transport|Tls|Stream|Sasl|Stanza|XmppTimeout|Usage|Xml|Jid)Error$/;

/** Also of what rxjs-marbles has made of an error, `{ name, message }`, and of a condition by itself. */
function factsOf(error: unknown): ErrorFacts | undefined {
  if (typeof error === 'string') return { condition: error };
  if (typeof error !== 'object' || error === null) return undefined;
  const { name, message, condition, phase, layer } = error as ErrorFacts;
  if (condition !== undefined) return { name, message, condition, phase, layer };
  const read = /^([a-z][a-z0-9-]*)(?: \(([a-z]+)\))?(?:: |$)/.exec(message ?? '');
  if (read && OURS.test(name ?? '')) return { name, message, condition: read[1], phase: read[2] };
  return { name, message };
}

const isError = (thing: unknown): boolean =>
  thing instanceof Error ||
  (typeof thing === 'object' &&
    thing !== null &&
    'name' in thing &&
    'message' in thing &&
    Object.keys(thing).length === 2);

const isPlain = (thing: unknown): boolean =>
  typeof thing === 'object' &&
  thing !== null &&
  (Array.isArray(thing) || [Object.prototype, null].includes(Object.getPrototypeOf(thing) as object | null));

/** What things consist of that have no members to be seen. */
function partsOf(thing: object): unknown[] | undefined {
  if (thing instanceof Date) return [thing.getTime()];
  if (thing instanceof RegExp) return [String(thing)];
  if (thing instanceof Map || thing instanceof Set) return [...(thing as Iterable<unknown>)];
  return thing instanceof ArrayBuffer ? [...new Uint8Array(thing)] : undefined;
}

const hasEquals = (thing: object): thing is { equals(other: unknown): boolean } =>
  typeof (thing as { equals?: unknown }).equals === 'function';

const told = (path: string, expected: string, received: string): string =>
  `${path}\n    - ${expected.replaceAll('\n', '\n      ')}\n    + ${received.replaceAll('\n', '\n      ')}`;

function showError({ name, message, condition, phase, layer }: ErrorFacts): string {
  if (condition === undefined) return `${name}: ${message}`;
  return `${condition}${phase === undefined ? '' : ` (${phase})`}${layer === undefined ? '' : `, ${layer}`}`;
}

/** A value in one line. */
export function show(value: unknown): string {
  if (value instanceof XmlElement) return serialize(value);
  if (value instanceof Like) return `like(${show(value.members)})`;
  if (isError(value)) return showError(factsOf(value)!);
  if (value instanceof Error || typeof value === 'function') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? value : String(value);
  if (hasEquals(value)) return String(value);
  try {
    return JSON.stringify(value, (_, member: unknown) => (member instanceof XmlElement ? serialize(member) : member));
  } catch {
    return String(value);
  }
}
