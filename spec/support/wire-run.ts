import { inspect } from 'node:util';
import { config, of, VirtualTimeScheduler, type Observable, type Subscription } from 'rxjs';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import type { XmppOptions } from '../../lib/client/options.js';
import { StreamError, XmppError } from '../../lib/errors/index.js';
import type { Crypto } from '../../lib/crypto/crypto.js';
import type { Session } from '../../lib/session/session.js';
import { scriptedTransport, type Script, type ScriptedTransportOptions } from '../../lib/testing.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import { syncCrypto } from './sync-crypto.js';
import { ACCOUNT, PASSWORD } from './wire.js';

export interface WireInit {
  readonly options?: Partial<XmppOptions>;
  readonly transport?: ScriptedTransportOptions;
  /** In place of one `xmppStream` of these options. */
  readonly client?: (options: XmppOptions) => Observable<Session>;
  /** Is called with each session, synchronously. */
  readonly use?: (session: Session, run: WireRun) => void;
  /** Is called with each lifecycle event, synchronously. */
  readonly onTrace?: (event: TraceEvent, run: WireRun) => void;
}

const TERMINAL = new Set(['closed', 'failed', 'cancelled']);

/** Derives each key once: a replay of a thousand exchanges would do little else. Its nonces are always the same. */
export const replayCrypto: Crypto = (() => {
  const crypto = syncCrypto((length) => new Uint8Array(length).fill(7));
  const keys = new Map<string, Uint8Array>();
  return {
    ...crypto,
    pbkdf2: (hash, password, salt, iterations) => {
      const id = [hash, password, salt, iterations].join(' ');
      const known = keys.get(id);
      if (known) return of(known);
      let key: Uint8Array;
      (crypto.pbkdf2(hash, password, salt, iterations) as Observable<Uint8Array>).subscribe((value) => (key = value));
      keys.set(id, key!);
      return of(key!);
    },
  };
})();

/**
 * One subscription to `xmppStream` against a scripted server, in virtual time. It keeps all that is told, and knows the
 * invariants that hold of every attempt: see `check`.
 */
export class WireRun {
  readonly scheduler = new VirtualTimeScheduler();
  readonly transport;
  readonly options: XmppOptions;
  readonly trace: TraceEvent[] = [];
  /** Lifecycle events and notifications as one list: `opening`, `next`, `failed`, `error` ... */
  readonly told: string[] = [];
  readonly sessions: Session[] = [];
  readonly subscription: Subscription;
  error: unknown;
  #ended = false;
  #unsubscribed = false;
  /** What was still held when the end was told; it should be nothing. */
  #held: unknown;

  constructor(script: Script | { readonly scripts: readonly Script[] }, init: WireInit = {}) {
    this.transport = scriptedTransport(script, init.transport);
    this.options = {
      jid: ACCOUNT,
      credentials: { password: PASSWORD },
      transport: this.transport,
      scheduler: this.scheduler,
      crypto: replayCrypto,
      random: () => 0.5,
      keepAlive: false,
      trace: (event) => {
        this.trace.push(event);
        this.told.push(event.type);
        init.onTrace?.(event, this);
      },
      ...init.options,
    };
    const client = init.client ?? xmppStream;
    this.subscription = client(this.options).subscribe({
      next: (session) => {
        this.sessions.push(session);
        this.told.push('next');
        init.use?.(session, this);
      },
      error: (error: unknown) => {
        this.error = error;
        this.#end('error');
      },
      complete: () => this.#end('complete'),
    });
  }

  get session(): Session {
    if (this.sessions.length !== 1)
      throw new Error(`there are ${this.sessions.length} sessions: ${this.told.join(' ')}`);
    return this.sessions[0]!;
  }

  /** How it stands or ended: `pending`, `online`, `closed`, or an error by layer, condition, phase and origin. */
  get outcome(): string {
    if (this.error !== undefined) return tag(this.error);
    if (this.#ended) return 'closed';
    return this.sessions.length > 0 ? 'online' : 'pending';
  }

  /** The types of the lifecycle events. */
  get events(): string {
    return this.trace.map(({ type }) => type).join(' ');
  }

  get terminal(): TraceEvent[] {
    return this.trace.filter(({ type }) => TERMINAL.has(type));
  }

  /** What the server heard in clear and over TLS, header and white space left out. */
  get sent(): string {
    return this.transport.sent;
  }

  /** Octets that the server sent. */
  get received(): number {
    const texts = this.transport.log.filter(({ direction }) => direction === 'in').map(({ text }) => text);
    return Buffer.byteLength(texts.join(''));
  }

  unsubscribe(): this {
    this.#unsubscribed = true;
    this.subscription.unsubscribe();
    return this;
  }

  /** Runs what is due up to this time, or until nothing is left. */
  flush(until = Infinity): this {
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    return this;
  }

  /** Runs one task of the scheduler; `false` where there is none. */
  step(): boolean {
    const action = this.scheduler.actions.shift();
    if (!action) return false;
    this.scheduler.frame = action.delay;
    action.execute(action.state, action.delay);
    return true;
  }

  /** I1, I2, I11: one terminal event, told last and once nothing was held any more; and no secret anywhere. */
  check({ secrets = true } = {}): this {
    if (this.#ended || this.#unsubscribed) {
      const { terminal, told, error } = this;
      const last = this.#unsubscribed && !this.#ended ? ['cancelled'] : [terminal[0]?.type, told.at(-1)];
      // At once: it is asked thousands of times, and `expect` takes a while.
      expect({
        terminal: terminal.length,
        last: told.slice(-last.length),
        held: this.#held,
        left: { open: this.transport.open, timers: this.scheduler.actions.length },
      }).toEqual({ terminal: 1, last, held: undefined, left: { open: 0, timers: 0 } });
      if (error instanceof XmppError) expect(terminal[0]).toMatchObject({ type: 'failed', error });
    }
    if (this.error !== undefined && !(this.error instanceof XmppError)) throw this.error;
    if (secrets) this.#checkSecrets();
    return this;
  }

  #end(how: string): void {
    this.#ended = true;
    this.told.push(how);
    const held = { open: this.transport.open, timers: this.scheduler.actions.length };
    if (held.open > 0 || held.timers > 0) this.#held = held;
  }

  /** A7: neither the password nor what proves it stands in anything that was told. */
  #checkSecrets(): void {
    const secrets = [PASSWORD, Buffer.from(PASSWORD).toString('base64'), Buffer.from(PASSWORD).toString('hex')];
    for (const [, data] of this.sent.matchAll(/<(?:auth|response)[^>]*>([^<=][^<]*)</g)) {
      const [, proof] = /,p=(.+)/.exec(Buffer.from(data!, 'base64').toString()) ?? [];
      if (proof) secrets.push(proof);
      if (proof || !data!.startsWith('biws')) secrets.push(data!);
    }
    const shown = [this.trace, this.error, this.sessions].map(show).join('\n');
    for (const secret of secrets) expect(shown).not.toContain(secret);
  }
}

/** All that somebody who logs it could see of a thing. */
export function show(thing: unknown): string {
  const parts = [inspect(thing, { depth: 12, showHidden: true, getters: true }), String(thing)];
  parts.push(json(thing));
  if (thing instanceof Error)
    parts.push(thing.message, thing.stack ?? '', thing.cause === undefined ? '' : show(thing.cause));
  return parts.join('\n');
}

/** A session hangs on what it is made of, which JSON cannot say. */
function json(thing: unknown): string {
  try {
    return JSON.stringify(thing) ?? '';
  } catch {
    return '';
  }
}

export function tag(error: unknown): string {
  if (!(error instanceof XmppError)) return `untyped: ${String(error)}`;
  const { layer, condition, phase, cause } = error;
  if (condition === 'unexpected-error') return `unexpected: ${String(cause)}`;
  return [layer, condition, `(${phase})`, ...(error instanceof StreamError ? [error.origin] : [])].join(' ');
}

/**
 * Whether bytes come whole, one by one, or in two must make no difference.
 *
 * @param stride Cuts in two are made at every so many octets; at every single one by default.
 */
export function replay(
  script: () => Script,
  init: WireInit,
  check: (run: WireRun) => void,
  { stride = 1, until = 0 }: { stride?: number; until?: number } = {},
): void {
  const once = (split: ScriptedTransportOptions['split']) => {
    const run = new WireRun(script(), { ...init, transport: { ...init.transport, split } });
    try {
      run.flush(until);
      check(run);
      run.check({ secrets: typeof split === 'string' });
    } catch (error) {
      if (error instanceof Error) error.message = `split ${split}: ${error.message}`;
      throw error;
    } finally {
      run.unsubscribe();
    }
    return run.received;
  };
  const octets = once('whole');
  once('every-byte');
  for (let at = 1; at < octets; at += stride) once(at);
}

/**
 * For a `describe`: whatever is thrown where nobody catches it fails the spec, unless `expectUnhandled` takes it. No raw
 * timer may run either.
 */
export function watchUnhandled(): { take(): unknown[] } {
  let unhandled: unknown[] = [];
  beforeEach(() => {
    jest.useFakeTimers();
    unhandled = [];
    config.onUnhandledError = (error) => unhandled.push(error);
  });
  const settle = () => {
    jest.runAllTimers();
    return unhandled.splice(0);
  };
  afterEach(() => {
    const left = settle();
    config.onUnhandledError = null;
    jest.useRealTimers();
    expect(left).toEqual([]);
  });
  return { take: settle };
}
