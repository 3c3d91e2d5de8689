import type { XmppStatus } from '../../client/status.js';
import type { XmppError } from '../../errors/index.js';
import { TransportError } from '../../errors/index.js';
import { jid } from '../../jid/index.js';
import { XmlElement } from '../../xml/index.js';
import { readPattern } from '../script/match.js';

/**
 * Elements for a diagram, given as text.
 *
 * ```ts
 * const stanza$ = hot('--a--b', stanzas({
 *   a: "<message from='bob@example.org'><body>hi</body></message>",
 *   b: "<presence from='bob@example.org' type='unavailable'/>",
 * }));
 * ```
 *
 * @throws Error For a text that is not exactly one element.
 */
export function stanzas<K extends string>(texts: Readonly<Record<K, string | XmlElement>>): Record<K, XmlElement> {
  const entries = Object.entries<string | XmlElement>(texts);
  return Object.fromEntries(
    entries.map(([key, text]) => [key, text instanceof XmlElement ? text : readPattern(text)]),
  ) as Record<K, XmlElement>;
}

/** The marbles of a status, as `xmppClient` draws them. */
export type StatusMarble = 'o' | 'c' | 's' | 'a' | 'b' | 'r' | 'O' | 'R' | 'x' | 'w';

/**
 * Statuses for a diagram: `o` offline, `c` connecting, `s` securing, `a` authenticating, `b` binding, `r` resuming, `O` online, `R` online
 * again, resumed, `x` closing, `w` waiting.
 *
 * ```ts
 * const client = new XmppTesting({ status$: hot('o-c-s-a-b-O---w--c-r-R', statuses()) });
 * ```
 *
 * @param given `jid` as which it is online (default `test@example.org/test`), and the `error` after which it waits (default: a connection
 *   that was reset).
 */
export function statuses(
  given: { readonly jid?: string; readonly error?: XmppError } = {},
): Record<StatusMarble, XmppStatus> {
  const own = jid(given.jid ?? 'test@example.org/test');
  const error =
    given.error ??
    new TransportError({ condition: 'connection-reset', phase: 'online', text: 'the connection was lost' });
  const attempt = 1;
  return {
    o: { kind: 'offline' },
    c: { kind: 'connecting', attempt },
    s: { kind: 'securing', attempt },
    a: { kind: 'authenticating', attempt, mechanism: 'SCRAM-SHA-256' },
    b: { kind: 'binding', attempt },
    r: { kind: 'resuming', attempt: 2 },
    O: { kind: 'online', attempt, jid: own, resumed: false },
    R: { kind: 'online', attempt: 2, jid: own, resumed: true },
    x: { kind: 'closing', attempt },
    w: { kind: 'waiting', attempt, failures: 1, delay: 1_000, until: 1_000, error },
  };
}
