import { delay, NEVER, Observable, Subscription, type MonoTypeOperatorFunction } from 'rxjs';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { liveSession } from './live-session.js';
import type { Session } from './session.js';

/**
 * Bounds the closing handshake: once the session's `close()` was called, the peer has the `close` bound to answer the footer;
 * then the connection is given up. Either way the result completes, since we asked for it.
 *
 * ```text
 * session        --s------------------
 * s.close()             ^
 * disconnect(5)  --s---------|
 * out                   </stream:stream>
 * ```
 *
 * @see RFC 6120 section 4.4
 */
export function disconnect(config: StageConfig = {}): MonoTypeOperatorFunction<Session> {
  const { timeouts, scheduler } = stageOf(config);
  return (source) =>
    new Observable<Session>((subscriber) => {
      const bound = new Subscription();
      const held = source.subscribe({
        next: (session) => {
          const { closing$ } = liveSession(session);
          const overdue$ = timeouts.close === Infinity ? NEVER : closing$.pipe(delay(timeouts.close, scheduler));
          bound.add(
            overdue$.subscribe(() => {
              held.unsubscribe();
              subscriber.complete();
            }),
          );
          subscriber.next(session);
        },
        error: (error: unknown) => {
          bound.unsubscribe();
          subscriber.error(error);
        },
        complete: () => {
          bound.unsubscribe();
          subscriber.complete();
        },
      });
      return () => {
        bound.unsubscribe();
        held.unsubscribe();
      };
    });
}
