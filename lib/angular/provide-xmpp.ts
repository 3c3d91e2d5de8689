import {
  DestroyRef,
  inject,
  isSignal,
  makeEnvironmentProviders,
  type EnvironmentProviders,
  type Signal,
} from '@angular/core';
import { toObservable } from '@angular/core/rxjs-interop';
import { defer, EMPTY, isObservable, of, ReplaySubject, Subscription, takeUntil, type Observable } from 'rxjs';
import type { XmppClientOptions } from '../client/client-options.js';
import { xmppClient, type XmppClient } from '../client/xmpp-client.js';
import { isServer, XMPP_WRAPPER, type XmppFeature } from './features.js';
import { Xmpp } from './xmpp.js';

/**
 * Options, or where they come from in time: an observable or a signal, whose values replace one another, and `null` disconnects.
 */
export type XmppSource =
  XmppClientOptions | null | Observable<XmppClientOptions | null> | Signal<XmppClientOptions | null>;

/**
 * Provides an XMPP client for an application, or for a lazy route.
 *
 * ```ts
 * bootstrapApplication(App, {
 *   providers: [provideXmpp(() => inject(Account).options$, withConnectOnStart())],
 * });
 * ```
 *
 * There is one client for each injector that this is given to, made when it is first injected. When the injector is destroyed
 * (a route's, or all of them by hot reload) its connection is closed, and nothing can open it again. On the server platform
 * nothing connects: the source is not asked, `status$` says `offline`, and `session$` and the stanzas complete.
 *
 * @param source Options; an observable or a signal of them; or a function that gives them and may inject.
 */
export function provideXmpp(source: XmppSource | (() => XmppSource), ...features: XmppFeature[]): EnvironmentProviders {
  return makeEnvironmentProviders([
    { provide: XMPP_WRAPPER, useValue: (client: XmppClient) => client },
    { provide: Xmpp, useFactory: () => createClient(source) },
    ...features.flatMap(({ providers }) => providers),
  ]);
}

function createClient(source: XmppSource | (() => XmppSource)): XmppClient {
  const wrap = inject(XMPP_WRAPPER);
  if (isServer()) return wrap(xmppClient(EMPTY));
  const given = typeof source === 'function' && !isSignal(source) ? source() : source;
  const options$ = isSignal(given) ? toObservable(given) : isObservable(given) ? given : of(given);
  const closing = new Subscription();
  const destroyed$ = new ReplaySubject<void>(1);
  const client = xmppClient(defer(() => options$).pipe(takeUntil(destroyed$)));
  inject(DestroyRef).onDestroy(() => {
    destroyed$.next();
    // Whoever forgot to unsubscribe does not keep the connection.
    closing.add(client.close().subscribe({ error: () => undefined }));
  });
  return wrap(client);
}
