import type { SchedulerLike, Subscription } from 'rxjs';
import type { XmppOptions } from '../../lib/client/options.js';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import { XmppError } from '../../lib/errors/index.js';
import type { Session } from '../../lib/session/session.js';
import { ScriptError, type ScriptedTransport } from '../../lib/testing.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import type { Transport } from '../../lib/transport/transport.js';
import { replayCrypto } from '../support/wire-run.js';
import { ACCOUNT, PASSWORD } from '../support/wire.js';
import type { Attack, Result } from './attack.js';
import { leakedOctets, shown } from './leaks.js';
import { SURVIVED } from './wire.js';

const TERMINAL = new Set(['closed', 'failed', 'cancelled']);

/** rxmpp under attack: one subscription, all that it tells, and what it says in the end. */
export class Attempt {
  readonly trace: TraceEvent[] = [];
  readonly notes: string[] = [];
  readonly #attack: Attack;
  readonly #subscription: Subscription | undefined;
  #aborted = false;
  #outcome = 'pending';
  #error: unknown;
  #ends = 0;
  #online = false;
  #late = 0;

  /**
   * @param done Is called once there is an outcome; not called at all is a hang.
   */
  constructor(
    attack: Attack,
    given: { readonly transport: Transport; readonly scheduler?: SchedulerLike } & Partial<XmppOptions>,
    private readonly done: () => void = () => undefined,
  ) {
    this.#attack = attack;
    const options: XmppOptions = {
      jid: ACCOUNT,
      credentials: { password: PASSWORD },
      crypto: replayCrypto,
      keepAlive: false,
      ...given,
      ...attack.options,
      trace: (event) => {
        this.trace.push(event);
        if (event.type !== attack.abortAt) return;
        this.#aborted = true;
        this.#abort();
      },
    };
    this.#subscription = xmppStream(options).subscribe({
      next: (session) => this.#use(session),
      error: (error: unknown) => {
        this.#ends++;
        this.#error = error;
        this.#settle(tagOf(error));
      },
      complete: () => {
        this.#ends++;
        this.#settle('closed');
      },
    });
    if (this.#aborted) this.#abort();
  }

  #use(session: Session): void {
    if (this.#ends > 0) this.#late++;
    this.#online = true;
    this.#attack.use?.(session, (text) => this.notes.push(text));
    session.stanza$.subscribe((stanza) => {
      if (stanza.attrs.id === SURVIVED) this.#settle('online');
    });
  }

  #abort(): void {
    // The event may come before the subscription is at hand.
    if (!this.#subscription) return;
    this.#subscription.unsubscribe();
    this.#settle('cancelled');
  }

  #settle(outcome: string): void {
    if (this.#outcome === 'pending') {
      this.#outcome = outcome;
      this.done();
    }
  }

  get settled(): boolean {
    return this.#outcome !== 'pending';
  }

  /** Lets go. */
  release(): void {
    this.#subscription?.unsubscribe();
  }

  /** After `release`. */
  result(
    transport: Pick<ScriptedTransport, 'log'>,
    clearUntil: number | undefined,
    {
      faults = [],
      log = shown,
    }: { readonly faults?: readonly string[]; readonly log?: (thing: unknown) => string } = {},
  ): Result {
    const terminal = this.trace.filter(({ type }) => TERMINAL.has(type)).length;
    const all = [...faults];
    if (terminal !== 1) all.push(`${terminal} terminal events`);
    if (this.#late > 0) all.push('a session after the end');
    if (this.#error !== undefined && !(this.#error instanceof XmppError)) all.push('an untyped error');
    if (this.#error instanceof XmppError && this.#error.phase === undefined) all.push('an error without a phase');
    const outcome = this.#outcome === 'pending' ? (this.#online ? 'a hang (online)' : 'a hang') : this.#outcome;
    const sent = transport.log.flatMap(({ direction, text }, index) => (direction === 'out' ? [{ text, index }] : []));
    const clear = sent.filter(({ index }) => clearUntil !== undefined && index < clearUntil);
    const secure = sent.filter(({ index }) => clearUntil === undefined || index >= clearUntil);
    return {
      outcome,
      notes: this.notes,
      faults: all,
      leaked: leakedOctets(
        {
          clear: clear.map(({ text }) => text).join(''),
          secure: secure.map(({ text }) => text).join(''),
          told: `${log(this.trace)} ${log(this.#error)} ${this.notes.join('\n')}`,
        },
        this.#attack,
      ),
    };
  }
}

/** An error as the list of attacks names it. */
export function tagOf(error: unknown): string {
  if (!(error instanceof XmppError)) return `untyped: ${String(error)}`;
  if (error.condition === 'unexpected-error') {
    return error.cause instanceof ScriptError
      ? `off the script: ${error.cause.message}`
      : `unexpected: ${String(error.cause)}`;
  }
  return `${error.layer} ${error.condition} (${error.phase})`;
}
