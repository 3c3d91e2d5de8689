import type { Observable, ObservableInput } from 'rxjs';
import { Xmpp } from '../../angular/xmpp.js';
import type { XmppStatus } from '../../client/status.js';
import type { XmlElement } from '../../xml/index.js';
import { XmppTesting } from './xmpp-testing.js';

/** What the client of a component under test is told, and when. */
export interface XmppTestingScript {
  /** Statuses, in place of what a connection would come to. Default: online for as long as the client is held. */
  readonly status$?: Observable<XmppStatus>;
  /** What comes in, as of a server. It is subscribed to at once, so that hot and cold marbles begin with the test. */
  readonly stanza$?: Observable<XmlElement>;
  /**
   * Answers `iq()`: the `<iq/>` of type result, or an error. Default: none, until `receive()` is given an answer with the same id.
   */
  readonly iq?: (request: XmlElement) => ObservableInput<XmlElement>;
}

/**
 * Provides a client without connection, so that a component can be tested with marbles: statuses and stanzas go in by the
 * script, and what the component sends comes out.
 *
 * ```ts
 * marbles((m) => {
 *   const stanza$ = m.hot('--a----', { a: xml('message', { from: 'bob@example.org' }, xml('body', {}, 'hi')) });
 *   TestBed.configureTestingModule({ providers: [Echo, provideXmppTesting({ stanza$ })] });
 *   const testing = TestBed.inject(XmppTesting);
 *   TestBed.inject(Echo);
 *   m.expect(testing.sentText$).toBeObservable('--x----', { x: "<message to='bob@example.org'><body>hi</body></message>" });
 * })
 * ```
 *
 * In place of `provideXmpp()`. The list is what Angular takes as providers; nothing here needs Angular at run time.
 */
export function provideXmppTesting(script: XmppTestingScript = {}): XmppTestingProvider[] {
  return [
    { provide: XmppTesting, useFactory: () => new XmppTesting(script), deps: [] },
    { provide: Xmpp, useExisting: XmppTesting },
  ];
}

/** A provider, in the shape that Angular knows. */
export type XmppTestingProvider =
  | { readonly provide: typeof XmppTesting; readonly useFactory: () => XmppTesting; readonly deps: [] }
  | { readonly provide: typeof Xmpp; readonly useExisting: typeof XmppTesting };
