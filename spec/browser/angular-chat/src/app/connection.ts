import { computed, DestroyRef, inject, Injectable, signal } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import type { Subscription } from 'rxjs';
import type { XmppError } from 'rxmpp';
import { injectXmpp } from 'rxmpp/angular';
import { Account, type SignIn } from './account';
import { describeWithAdvice } from './describe-error';

/**
 * How far signing in has come, and what the connection is doing.
 *
 * Until the first session an error ends the attempt and goes back to the form, since the user is waiting for it and can mend it.
 * From then on the client comes back by itself, as often as it takes.
 */
@Injectable({ providedIn: 'root' })
export class Connection {
  readonly #account = inject(Account);
  readonly #xmpp = injectXmpp();
  readonly #stage = signal<'signed-out' | 'signing-in' | 'signed-in'>('signed-out');
  readonly #error = signal<XmppError | undefined>(undefined);
  #held: Subscription | undefined;

  readonly stage = this.#stage.asReadonly();
  /** Why signing in failed, or why the session is over. */
  readonly error = this.#error.asReadonly();
  /** The same as a sentence. */
  readonly failure = computed(() => {
    const error = this.#error();
    return error ? describeWithAdvice(error) : '';
  });
  readonly status = toSignal(this.#xmpp.status$, { requireSync: true });
  /** Our bare JID, once known. */
  readonly #jid = signal('');
  readonly jid = this.#jid.asReadonly();
  readonly online = computed(() => this.status().kind === 'online');

  constructor() {
    const watching = this.#xmpp.status$.subscribe((status) => {
      if (status.kind === 'online') {
        this.#jid.set(status.jid.bare().toString());
        this.#stage.set('signed-in');
      } else if (status.kind === 'offline' && status.error) {
        this.#end(status.error);
      } else if (status.kind === 'waiting' && this.#stage() === 'signing-in') {
        this.#end(status.error);
      }
    });
    inject(DestroyRef).onDestroy(() => {
      watching.unsubscribe();
      this.#held?.unsubscribe();
    });
  }

  signIn(values: SignIn): void {
    this.#error.set(undefined);
    this.#stage.set('signing-in');
    this.#account.signIn(values);
    this.#held ??= this.#xmpp.connect();
  }

  signOut(): void {
    this.#stage.set('signed-out');
    this.#account.signOut();
  }

  retryNow(): void {
    this.#xmpp.retryNow();
  }

  #end(error: XmppError): void {
    if (this.#stage() === 'signed-out') return;
    this.#error.set(error);
    // Not while the client is still telling.
    queueMicrotask(() => this.signOut());
  }
}
