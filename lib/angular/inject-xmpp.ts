import { assertInInjectionContext, inject, type Signal } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import type { XmppClient } from '../client/xmpp-client.js';
import type { XmppStatus } from '../client/status.js';
import { Xmpp } from './xmpp.js';

/**
 * The client of `provideXmpp()`.
 *
 * ```ts
 * class Inbox {
 *   readonly #xmpp = injectXmpp();
 *   readonly messages = toSignal(this.#xmpp.message$.pipe(scan((all, message) => [...all, message], [])));
 * }
 * ```
 */
export function injectXmpp(): XmppClient {
  assertInInjectionContext(injectXmpp);
  return inject(Xmpp);
}

/** The status of the client of `provideXmpp()`, as a signal. It only watches. */
export function injectXmppStatus(): Signal<XmppStatus> {
  assertInInjectionContext(injectXmppStatus);
  return toSignal(inject(Xmpp).status$, { requireSync: true });
}
