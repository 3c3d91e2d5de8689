import type { Observable } from 'rxjs';
import type { Credentials, SaslContext } from '../sasl/mechanism.js';
import type { KeepAliveConfig } from '../session/keep-alive.js';
import type { SessionMemory } from '../session/session-memory.js';
import type { SessionConfig } from '../session/session-operator.js';
import { bind } from '../stream/features/bind.js';
import { legacySession } from '../stream/features/legacy-session.js';
import { sasl } from '../stream/features/sasl.js';
import { enableManagement, resumeSession } from '../stream/features/stream-management.js';
import type { Ahead } from '../stream/open-stream.js';
import type { StartTlsConfig } from '../stream/start-tls.js';
import type { StreamFeature } from '../stream/stream-feature.js';
import type { Trace } from '../trace/lifecycle-event.js';
import type { ConnectContext, Transport } from '../transport/transport.js';
import type { Prepared } from './options.js';

/** What each stage of an attempt is given. */
export interface AttemptConfig {
  readonly transport: Transport;
  readonly context: ConnectContext;
  readonly stream: StartTlsConfig;
  readonly features: readonly StreamFeature[];
  readonly session: SessionConfig;
  readonly keepAlive: KeepAliveConfig;
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
  const { transport, tls, timeouts, scheduler, random, lang, limits, streamManagement } = prepared;
  const stage = { timeouts, scheduler, trace };
  const resume = resumable && streamManagement !== false && streamManagement.resume !== false;
  return {
    transport,
    context: { ...stage, domain: prepared.asciiDomain, location, tls, random },
    stream: { ...stage, to: prepared.domain, from: prepared.jid?.bare().toString(), lang, limits, policy: tls, ahead },
    // Another stream feature is one line here.
    features: [
      sasl(saslConfig(prepared)),
      ...prepared.features,
      ...(resume ? [resumeSession(memory)] : []),
      bind(prepared),
      legacySession,
      ...(streamManagement ? [enableManagement(memory, { resume, max: streamManagement.max })] : []),
    ] as readonly StreamFeature[],
    session: {
      ...stage,
      random,
      iqTimeout: prepared.iqTimeout,
      memory,
      resumable,
      interceptors: prepared.interceptors,
      acknowledgements: streamManagement ? streamManagement.acknowledgements : undefined,
    },
    keepAlive: { ...prepared.keepAlive, wake$, scheduler },
  };
}

/** One connection, with what can be said ahead of the server where that is asked for. */
export function pipelined<T>(
  { pipelining, features, pin }: Prepared,
  memory: SessionMemory,
  connect: (ahead?: Ahead) => Observable<T>,
): Observable<T> {
  if (!pipelining) return connect();
  const about = { resuming: memory.resumption !== undefined, extended: features.length > 0, mechanism: pin.mechanism };
  return pipelining.attempt(about, connect);
}

function saslConfig({ credentials, crypto, iterations, keys, jid, domain, pin }: Prepared) {
  return {
    credentials,
    crypto,
    iterations,
    keys,
    local: jid?.local,
    domain,
    minimum: pin.mechanism,
  } satisfies Partial<SaslContext> & { credentials: Credentials };
}
