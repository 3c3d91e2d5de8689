import {
  catchError,
  combineLatest,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  map,
  mergeMap,
  type Observable,
} from 'rxjs';
import type { XmppClient } from '../client/xmpp-client.js';
import type { Session } from '../session/session.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';

export type ClientState = 'active' | 'inactive';

/**
 * Tells the server whether somebody looks at the client, so that it can hold back what can wait (XEP-0352): presence,
 * chat states and the like. Only where the server offers it; emits what is told.
 *
 * ```text
 * session   s------------------s'---      s': a new session, which begins active
 * active$   t-----f---------------t-
 * out             <inactive/>  <inactive/>  <active/>
 * result    ------i------------i--a-
 * ```
 *
 * Watches the client and does not hold its connection. A resumed session is told its state anew, since what was told on the lost
 * stream may not have arrived.
 *
 * ```ts
 * const visible$ = fromEvent(document, 'visibilitychange').pipe(startWith(0), map(() => !document.hidden));
 * clientState(client, visible$).subscribe();
 * ```
 *
 * @param active$ Whether the client is in use, now and with each change. Its error is the result's.
 */
export function clientState(
  client: Pick<XmppClient, 'status$' | 'session'>,
  active$: Observable<boolean>,
): Observable<ClientState> {
  return defer(() => {
    let told: { readonly session: Session; readonly active: boolean } | undefined;
    const session$ = client.status$.pipe(
      map(({ kind }) => (kind === 'online' ? client.session : undefined)),
      distinctUntilChanged(),
    );
    return combineLatest([session$, active$.pipe(distinctUntilChanged())]).pipe(
      mergeMap(([session, active]) => {
        if (!session?.features.child('csi', NS.csi)) return EMPTY;
        const before = told?.session === session ? told.active : session.resumed ? undefined : true;
        told = { session, active };
        return before === active ? EMPTY : tell(session, active ? 'active' : 'inactive');
      }),
    );
  });
}

/** Lost with its stream it is no loss: the next one is told anew. */
function tell(session: Session, state: ClientState): Observable<ClientState> {
  return session.deliver(xml(state, { xmlns: NS.csi })).pipe(
    filter((delivery) => delivery.state === 'queued'),
    map(() => state),
    catchError(() => EMPTY),
  );
}
