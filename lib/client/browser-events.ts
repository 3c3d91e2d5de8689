import { defer, EMPTY, filter, fromEvent, map, merge, startWith, type Observable } from 'rxjs';

/**
 * Whether there is a network, as far as the browser knows: at once, and at each change. Nothing outside browsers.
 *
 * ```text
 * navigator.onLine   true
 * events             ------offline-----online
 * browserOnline()    t-----f-----------t
 * ```
 */
export function browserOnline(): Observable<boolean> {
  return defer(() => {
    const { window, navigator } = browser();
    if (!window || typeof navigator?.onLine !== 'boolean') return EMPTY;
    return merge(
      fromEvent(window, 'online').pipe(map(() => true)),
      fromEvent(window, 'offline').pipe(map(() => false)),
    ).pipe(startWith(navigator.onLine));
  });
}

/**
 * Something happened after which a link must be looked at: the page is shown again (timers of hidden pages hardly run), it was
 * thawed, it came out of the back/forward cache, or the network is gone or back: a browser need not close a WebSocket whose network
 * went. Nothing outside browsers.
 *
 * @see https://developer.chrome.com/docs/web-platform/page-lifecycle-api
 */
export function browserWake(): Observable<unknown> {
  return defer(() => {
    const { window, document } = browser();
    const ofWindow = window ? ['online', 'offline', 'pageshow'].map((type) => fromEvent(window, type)) : [];
    const shown = () => document?.visibilityState === 'visible';
    const ofDocument = document
      ? [fromEvent(document, 'visibilitychange').pipe(filter(shown)), fromEvent(document, 'resume')]
      : [];
    return merge(...ofWindow, ...ofDocument);
  });
}

/** What there is of a browser: all of it in a page, no document in a worker, nothing in Node. */
function browser(): {
  readonly window?: EventTarget;
  readonly document?: Document;
  readonly navigator?: Navigator;
} {
  const { document, navigator, addEventListener } = globalThis as Partial<typeof globalThis>;
  return { window: addEventListener && (globalThis as EventTarget), document, navigator };
}
