import { differenceOf, differenceOfErrors, show } from './difference.js';

/** What a `TestScheduler` records. */
interface Message {
  readonly frame: number;
  readonly notification: { readonly kind: 'N' | 'E' | 'C'; readonly value?: unknown; readonly error?: unknown };
}

/**
 * Compares what observables emit with what their diagrams say, as XMPP has it: for `new TestScheduler(assertMarbles)`, and for
 * rxjs-marbles as `configure({ assertDeepEqual: assertMarbles, frameworkMatcher: true })`.
 *
 * - Elements are the same when they mean the same: the order of attributes, prefixes and white space between elements do not
 *   matter. An expected value may be the text of one, in which `*` stands for any text, attribute or content. An `id` that
 *   the expected one does not name is generated, and not looked at.
 * - Errors are the same when their condition is: `StreamError`, `{ condition: 'conflict', phase: 'online' }` or `'conflict'`, with the phase
 *   and the layer, and what else a plain object names. Errors that are not of XMPP go by name and message.
 * - `like({ kind: 'online' })` looks at what it names alone.
 *
 * ```ts
 * const scheduler = new TestScheduler(assertMarbles);
 * scheduler.run(({ hot, expectObservable }) => {
 *   const client = new XmppTesting({ stanza$: hot('--a', stanzas({ a: "<message from='bob@example.org'><body>hi</body></message>" })) });
 *   expectObservable(client.message$).toBe('--x', { x: "<message from='bob@example.org'><body>*</body></message>" });
 * });
 * ```
 *
 * @throws Error That shows, for each frame that differs, the difference as XML: `-` is expected, `+` was received.
 */
export function assertMarbles(actual: unknown, expected: unknown): void {
  if (!isMessages(actual) || !isMessages(expected)) {
    // Subscriptions, and values that a test compares by itself.
    const difference = differenceOf(expected, actual);
    if (difference !== undefined) throw new Error(`it is not as expected:${difference}`);
    return;
  }
  const lines: string[] = [];
  for (let index = 0; index < Math.max(actual.length, expected.length); index++) {
    const difference = differenceOfMessages(expected[index], actual[index]);
    if (difference !== undefined) lines.push(difference);
  }
  if (lines.length === 0) return;
  const list = (messages: readonly Message[]) =>
    messages.map((message) => `  ${showMessage(message)}`).join('\n') || '  nothing';
  throw new Error(
    `the marbles are not as expected\n${lines.join('\n')}\nexpected:\n${list(expected)}\nreceived:\n${list(actual)}`,
  );
}

function differenceOfMessages(expected: Message | undefined, received: Message | undefined): string | undefined {
  if (!received) return `- ${showMessage(expected!)}`;
  if (!expected) return `+ ${showMessage(received)}`;
  const [want, have] = [expected.notification, received.notification];
  if (expected.frame !== received.frame || want.kind !== have.kind)
    return `- ${showMessage(expected)}\n+ ${showMessage(received)}`;
  const difference =
    want.kind === 'E' ? differenceOfErrors(want.error, have.error) : differenceOf(want.value, have.value);
  return difference === undefined ? undefined : `at ${expected.frame} ${KINDS[want.kind]}${difference}`;
}

const KINDS = { N: 'next', E: 'error', C: 'complete' } as const;

function showMessage({ frame, notification: { kind, value, error } }: Message): string {
  return `${frame} ${KINDS[kind]}${kind === 'C' ? '' : ` ${show(kind === 'E' ? error : value)}`}`;
}

function isMessages(thing: unknown): thing is readonly Message[] {
  return (
    Array.isArray(thing) &&
    thing.every((entry) => typeof entry === 'object' && entry !== null && 'notification' in entry)
  );
}
