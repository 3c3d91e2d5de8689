import {
  DestroyRef,
  inject,
  InjectionToken,
  NgZone,
  PLATFORM_ID,
  provideEnvironmentInitializer,
  type EnvironmentProviders,
  type Provider,
} from '@angular/core';
import type { XmppClient } from '../client/xmpp-client.js';
import { Xmpp } from './xmpp.js';
import { zoned } from './zoned.js';

/** A feature of `provideXmpp()`. */
export interface XmppFeature {
  readonly providers: readonly (Provider | EnvironmentProviders)[];
}

/** What becomes of a client before it is handed out. */
export const XMPP_WRAPPER = new InjectionToken<(client: XmppClient) => XmppClient>('rxmpp: wrapper of the client');

/**
 * Keeps sockets and timers out of Angular's zone, and emits inside of it: nothing triggers change detection but what is told. For
 * applications with zone.js; without it, nothing changes.
 */
export function withZone(): XmppFeature {
  const useFactory = () => {
    const zone = inject(NgZone);
    return (client: XmppClient) => zoned(client, zone);
  };
  return { providers: [{ provide: XMPP_WRAPPER, useFactory }] };
}

/**
 * Connects at once, and holds the connection for as long as the injector lives: what `client.connect()` does. Without it the
 * connection begins with the first subscription, and ends with the last. Nothing on the server platform.
 */
export function withConnectOnStart(): XmppFeature {
  const hold = () => {
    if (isServer()) return;
    const held = inject(Xmpp).connect();
    inject(DestroyRef).onDestroy(() => held.unsubscribe());
  };
  return { providers: [provideEnvironmentInitializer(hold)] };
}

/** Whether this renders pages on a server, where nothing connects. */
export function isServer(): boolean {
  return String(inject(PLATFORM_ID)) === 'server';
}
