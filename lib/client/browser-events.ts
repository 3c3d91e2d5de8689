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
    const { navigator } = page;
    if (typeof navigator?.onLine !== 'boolean') return EMPTY;
    return events(page, 'online', 'offline').pipe(
      map(({ type }) => type === 'online'),
      startWith(navigator.onLine),
    );
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
    const { document } = page;
    const shown$ = events(document, 'visibilitychange').pipe(filter(() => document!.visibilityState === 'visible'));
    return merge(events(page, 'online', 'offline', 'pageshow'), shown$, events(document, 'resume'));
  });
}

/** What there is of a browser: all of it in a page, no document in a worker, nothing in Node. */
const page = globalThis as Partial<Pick<Window, 'addEventListener' | 'document' | 'navigator'>>;

/** The events of these types; none where there is no such target. */
function events(target: Partial<EventTarget> | undefined, ...types: string[]): Observable<Event> {
  if (!target?.addEventListener) return EMPTY;
  return merge(...types.map((type) => fromEvent(target as EventTarget, type)));
}
