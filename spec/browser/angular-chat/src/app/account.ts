import { Injectable } from '@angular/core';
import { BehaviorSubject } from 'rxjs';
import { websocket, type XmppClientOptions } from 'rxmpp';

export interface SignIn {
  readonly jid: string;
  readonly password: string;
  /** The server's WebSocket; empty to have it looked up. */
  readonly server: string;
}

/** Who is signed in, as the options of the client: each value replaces the connection of the one before, `null` ends it. */
@Injectable({ providedIn: 'root' })
export class Account {
  readonly #options$ = new BehaviorSubject<XmppClientOptions | null>(null);

  readonly options$ = this.#options$.asObservable();

  signIn({ jid, password, server }: SignIn): void {
    this.#options$.next({
      jid,
      credentials: { password },
      transport: websocket(server === '' ? {} : { url: server }),
      // What is written while the connection is down waits for the next one.
      whileOffline: { queue: 200 },
      // Ticks should not keep anybody waiting.
      streamManagement: { acknowledgements: { after: 250 } },
    });
  }

  signOut(): void {
    if (this.#options$.value) this.#options$.next(null);
  }
}
