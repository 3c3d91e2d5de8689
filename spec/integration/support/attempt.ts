import { firstValueFrom, timeout, type Observable } from 'rxjs';
import { xmppStream, type Session, type TraceEvent, type XmppError, type XmppOptions } from '../../../lib/index.js';
import { tcp, type TcpConfig } from '../../../lib/node.js';
import type { RealServer } from '../../servers/index.js';
import { watch } from '../../support/watch.js';

/** Milliseconds within which everything here must have happened; a busy machine is no failure. */
const LIMIT = 20_000;

/** A user of a server; over STARTTLS, unless `transport` says otherwise. */
export function optionsFor(server: RealServer, user: string, options: Partial<XmppOptions> = {}): XmppOptions {
  return {
    jid: `${user}@${server.domain}`,
    credentials: { password: server.users[user] ?? 'nobody' },
    transport: overStartTls(server),
    keepAlive: false,
    ...options,
  };
}

export function overStartTls({ host, ports, ca }: RealServer, config: TcpConfig = {}) {
  return tcp({ host, port: ports.c2s, security: 'starttls', tls: { ca }, ...config });
}

export function overDirectTls({ host, ports, ca }: RealServer, config: TcpConfig = {}) {
  return tcp({ host, port: ports.tls, security: 'direct', tls: { ca }, ...config });
}

/** One subscription to `xmppStream`, and all that it told. */
export interface Attempt {
  readonly trace: readonly TraceEvent[];
  /** The types of the events, each with what matters of it: `authenticated SCRAM-SHA-1`. */
  readonly events: readonly string[];
  /** The last mechanism that was tried. */
  readonly mechanism: string | undefined;
  /** What the session observable told: `next`, `error`, `complete`. */
  readonly log: readonly string[];
  /** Resolves when it is online; rejects with what it failed with. */
  online(): Promise<Session>;
  /** Resolves with the error that it ends with. */
  failure(): Promise<XmppError>;
  /** Resolves when it has errored or completed. */
  ended(): Promise<void>;
  unsubscribe(): void;
}

const attempts = new Set<Attempt>();

export function attempt(options: XmppOptions): Attempt {
  const trace: TraceEvent[] = [];
  const watched = watch(xmppStream({ ...options, trace: (event) => trace.push(event) }));
  const ended = () => soon(watched.ended, 'the end of the attempt', () => trace.map(named).join(', '));
  const made: Attempt = {
    trace,
    get events() {
      return trace.map(named);
    },
    get mechanism() {
      return trace.flatMap((event) => (event.type === 'authenticating' ? event.mechanism : [])).at(-1);
    },
    log: watched.log,
    online: () => soon(watched.first, 'a session', () => trace.map(named).join(', ')),
    failure: async () => {
      await ended();
      if (watched.log.at(-1) !== 'error') throw new Error(`it did not fail: ${watched.log.join(' ')}`);
      return watched.error as XmppError;
    },
    ended,
    unsubscribe: () => watched.unsubscribe(),
  };
  attempts.add(made);
  return made;
}

/** For an `afterEach`: whatever a spec left connected is disconnected. */
export function disconnectAll(): void {
  for (const made of attempts) made.unsubscribe();
  attempts.clear();
}

function named(event: TraceEvent): string {
  switch (event.type) {
    case 'authenticating':
    case 'authenticated':
      return `${event.type} ${event.mechanism}`;
    default:
      return event.type;
  }
}

/** A promise that is kept in time, or a failure that says what did not come. */
export async function soon<T>(promise: Promise<T>, what: string, details = () => '', limit = LIMIT): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${limit} ms ${details()}`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first value of an observable, in time. */
export function first<T>(source: Observable<T>): Promise<T> {
  return firstValueFrom(source.pipe(timeout(LIMIT)));
}

/** Closes a session in good order, and awaits the end of both sides. */
export async function close(session: Session): Promise<void> {
  const closing = watch(session.close());
  await soon(closing.ended, 'the end of close()');
  expect(closing.log).toEqual(['complete']);
}
