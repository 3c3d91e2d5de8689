import { NEVER, type Observable, type ObservableInput } from 'rxjs';
import { jid } from '../../jid/index.js';
import type { Session } from '../../session/session.js';
import type { XmlElement } from '../../xml/index.js';
import { XmppTesting } from '../angular/xmpp-testing.js';

export interface TestSessionScript {
  /** Default `test@example.org/test`. */
  readonly jid?: string;
  readonly resumed?: boolean;
  /** What comes in. Subscribed to at once, so that hot and cold marbles begin with the test. */
  readonly stanza$?: Observable<XmlElement>;
  /** Answers `iq()`: the `<iq/>` of type result, or an error. Default: what comes in with the same id. */
  readonly iq?: (request: XmlElement) => ObservableInput<XmlElement>;
}

export interface TestSession extends Session {
  /** What is sent, when it is sent. */
  readonly sent$: Observable<XmlElement>;
  /** All of it so far. */
  readonly sent: readonly XmlElement[];
  /** Ends the session, as a loss would: its observables complete, its requests fail, and nothing can be sent (`session-lost`). */
  end(): void;
}

/**
 * A session without connection: stanzas go in by marbles, and what is sent comes out.
 *
 * ```ts
 * const session = testSession({ stanza$: hot('--a', stanzas({ a: "<message><body>hi</body></message>" })) });
 * const session$ = hot<Session>('s----#', { s: session }, { condition: 'system-shutdown' });
 * expectObservable(session$.pipe(echo())).toBe(...);
 * expectObservable(session.sent$).toBe('--x', { x: "<message><body>hi</body></message>" });
 * ```
 */
export function testSession({
  jid: own = 'test@example.org/test',
  resumed = false,
  stanza$,
  iq,
}: TestSessionScript = {}): TestSession {
  const client = new XmppTesting({ status$: NEVER, stanza$, iq });
  client.become({ kind: 'online', attempt: 1, jid: jid(own), resumed });
  const session = client.session!;
  return {
    ...session,
    sent$: client.sent$,
    get sent() {
      return client.sent;
    },
    end: () => client.become({ kind: 'offline' }),
  };
}
