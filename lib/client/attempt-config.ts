import type { Observable } from 'rxjs';
import type { KeepAliveConfig } from '../session/keep-alive.js';
import type { SessionMemory } from '../session/session-memory.js';
import type { SessionConfig } from '../session/session-operator.js';
import { bind } from '../stream/features/bind.js';
import { legacySession } from '../stream/features/legacy-session.js';
import { sasl } from '../stream/features/sasl.js';
import { enableManagement, resumeSession } from '../stream/features/stream-management.js';
import type { NegotiateConfig } from '../stream/negotiate.js';
import type { Ahead } from '../stream/open-stream.js';
import type { StartTlsConfig } from '../stream/start-tls.js';
import type { StreamFeature } from '../stream/stream-feature.js';
import type { Trace } from '../trace/lifecycle-event.js';
import type { ConnectContext, Transport } from '../transport/transport.js';
import type { Prepared } from './options.js';

/** What the stages of an attempt are given: all of them the same, but for the transport and the keep-alive. */
export interface AttemptConfig {
  readonly transport: Transport;
  readonly context: ConnectContext;
  readonly keepAlive: KeepAliveConfig;
  readonly config: Stages;
}

/** Lasts as long as the session, and so has no more in it than they need. */
interface Stages extends StartTlsConfig, SessionConfig, NegotiateConfig {
  readonly prepared: Prepared;
  readonly memory: SessionMemory;
  readonly resume: boolean;
}

/**
 * @param memory What the session lives in; shared by the attempts of a client.
 * @param resumable Whether there will be another attempt to resume it.
 * @param wake$ When the link is to be looked at.
 */
export function attemptConfig(
  prepared: Prepared,
  memory: SessionMemory,
  resumable: boolean,
  trace: Trace,
  location: string | undefined,
  ahead?: Ahead,
  wake$ = prepared.keepAlive.wake$,
): AttemptConfig {
  const { transport, asciiDomain, domain, tls, timeouts, scheduler, random, streamManagement } = prepared;
  const { lang, limits, interceptors } = prepared;
  const { resume: wanted = true, acknowledgements } = streamManagement || {};
  const resume = resumable && streamManagement !== false && wanted;
  return {
    transport,
    // No more than it needs: transports are not all ours.
    context: { timeouts, scheduler, trace, domain: asciiDomain, location, tls, random },
    keepAlive: { ...prepared.keepAlive, wake$, scheduler },
    config: {
      timeouts,
      scheduler,
      trace,
      lang,
      limits,
      interceptors,
      to: domain,
      from: prepared.jid?.bare().toString(),
      policy: tls,
      ahead,
      memory,
      resumable,
      acknowledgements,
      prepared,
      resume,
      features: featuresOf,
    },
  };
}

/** One function for all attempts: it is told of what they are to be made. */
function featuresOf(config: NegotiateConfig): StreamFeature[] {
  const { prepared, memory, resume } = config as Stages;
  const { streamManagement } = prepared;
  // Another stream feature is one line here.
  return [
    sasl(prepared) as StreamFeature,
    ...prepared.features,
    ...(resume ? [resumeSession(memory)] : []),
    bind(prepared),
    legacySession,
    ...(streamManagement ? [enableManagement(memory, { resume, max: streamManagement.max })] : []),
  ];
}

/** One connection, with what can be said ahead of the server where that is asked for. */
export function pipelined<T>(
  { pipelining, features, minimum }: Prepared,
  memory: SessionMemory,
  connect: (ahead?: Ahead) => Observable<T>,
): Observable<T> {
  if (!pipelining) return connect();
  const about = { resuming: memory.resumption !== undefined, extended: features.length > 0, mechanism: minimum };
  return pipelining.attempt(about, connect);
}
