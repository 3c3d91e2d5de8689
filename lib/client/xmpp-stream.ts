import { defer, type Observable } from 'rxjs';
import { disconnect } from '../session/disconnect.js';
import { keepAlive } from '../session/keep-alive.js';
import type { Session } from '../session/session.js';
import { SessionMemory } from '../session/session-memory.js';
import { session } from '../session/session-operator.js';
import { connect } from '../stream/connect.js';
import { negotiate } from '../stream/negotiate.js';
import { openStream } from '../stream/open-stream.js';
import { startTls } from '../stream/start-tls.js';
import { attempted, MAX_REDIRECTS } from './attempt.js';
import { attemptConfig, pipelined, type AttemptConfig } from './attempt-config.js';
import { prepareOptions, type Prepared, type XmppOptions } from './options.js';

/**
 * A connection: subscribing connects, unsubscribing disconnects.
 *
 * ```text
 * xmppStream    -----s-----------#     s: the session, ready for stanzas
 * subs          ^                !     unsubscribing gives up, wherever the attempt is
 * s.close()                 ^
 * xmppStream    -----s--------|
 * ```
 *
 * Cold: each subscription is one attempt. Emits one `Session`, errors with an `XmppError` on any loss, and completes only when
 * `session.close()` was asked for. So `take(1)` and `firstValueFrom` disconnect at once: hold the subscription as long as you
 * want the connection.
 *
 * Errors: `UsageError` and `JidError` for options, then whatever the stages below say, each with the phase it happened in.
 */
export function xmppStream(options: XmppOptions): Observable<Session> {
  let attempts = 0;
  return defer(() => {
    let prepared: Prepared | undefined;
    let memory: SessionMemory | undefined;
    return attempted<Session>(
      (attempt, location) => {
        const config = (prepared ??= prepareOptions(options));
        const own = (memory ??= new SessionMemory(config.scheduler, config.random, { iqTimeout: config.iqTimeout }));
        attempt.bound(config.timeouts.deadline);
        return pipelined(config, own, (ahead) =>
          lifecycle(attemptConfig(config, own, false, attempt.trace, location, ahead)),
        );
      },
      ++attempts,
      options.scheduler,
      options.trace,
      MAX_REDIRECTS,
    );
  });
}

/** The life of a stream, in one sentence. */
export function lifecycle({ transport, context, keepAlive: watch, config }: AttemptConfig): Observable<Session> {
  return connect(transport, context).pipe(
    openStream(config),
    startTls(config),
    negotiate(config),
    session(config),
    keepAlive(watch),
    disconnect(config),
  );
}
