import { catchError, defaultIfEmpty, defer, EMPTY, ignoreElements, take, tap, type Observable } from 'rxjs';
import type { Jid } from '../jid/jid.js';
import { keepResumable, readResumable, restore, type ResumptionStore } from '../session/resumption-store.js';
import type { SessionMemory } from '../session/session-memory.js';
import type { Stage } from '../stream/stage-config.js';
import { bounded } from '../stream/within.js';

/** A session that outlives the page or the process. */
export interface StoredSession {
  /**
   * Goes on where another process was, if there is something stored, and completes; saves from then on, until the session is stopped.
   *
   * @param memory What the session lives in.
   * @param account Whose it is.
   */
  restore(
    memory: SessionMemory,
    account: Pick<Jid, 'local' | 'domain'> & Pick<Stage, 'timeouts' | 'scheduler'>,
  ): Observable<never>;
}

/**
 * Keeps a client's session in a store (the option `streamManagement.store`), so that a reloaded page or a restarted process resumes it.
 *
 * ```ts
 * const store = storedSession({
 *   load: () => [JSON.parse(sessionStorage.getItem('xmpp') ?? 'null')],
 *   save: (state) => sessionStorage.setItem('xmpp', JSON.stringify(state)),
 *   clear: () => sessionStorage.removeItem('xmpp'),
 * });
 * xmppClient({ ...options, streamManagement: { store } });
 * ```
 */
export function storedSession(store: ResumptionStore): StoredSession {
  return {
    restore: (memory, account) =>
      defer(() => store.load()).pipe(
        take(1),
        bounded('resume', account),
        catchError(() => EMPTY),
        defaultIfEmpty(undefined),
        tap((state) => {
          const resumable = readResumable(state, account);
          if (resumable) restore(memory, resumable);
          memory.keeping = keepResumable(memory, store, account.scheduler, !resumable && !!state);
        }),
        ignoreElements(),
      ),
  };
}
