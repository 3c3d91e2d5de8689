import { auditTime, Subject, Subscription, type ObservableInput, type SchedulerLike } from 'rxjs';
import { UsageError } from '../errors/usage-error.js';
import { jid, type Jid } from '../jid/jid.js';
import { parseElement } from '../xml/parse-element.js';
import { serialize } from '../xml/serialize.js';
import type { Resumable, SessionMemory } from './session-memory.js';

/** A session at rest, as plain JSON: what a reloaded page or a restarted process needs to resume it. */
export interface ResumptionState {
  /** The server's name for the session. Whoever has it and the credentials can take the session over. */
  readonly id: string;
  /** The full JID. */
  readonly jid: string;
  /** Where the server prefers to be reconnected to. */
  readonly location?: string;
  /** How long the server keeps the session, in seconds. */
  readonly max?: number;
  /** How many stanzas we have handled, modulo 2^32. */
  readonly handled: number;
  /** How many of ours the server has handled, modulo 2^32. */
  readonly acknowledged: number;
  /** What was sent after that, oldest first: each as XML, and when it was sent, in milliseconds since 1970. */
  readonly unacknowledged: readonly { readonly stanza: string; readonly at: number }[];
}

/**
 * Where a client keeps its session, so that it outlives the page or the process: `sessionStorage`, a file, a database.
 * One store for one client: two that resume the same session would take it from each other.
 *
 * What a method throws is reported as RxJS does it, and harms nothing.
 */
export interface ResumptionStore {
  /**
   * The state that was saved last; `undefined` (or nothing, or an error) for none. Asked once, before the first attempt, and
   * for at most the `resume` bound. A state of another account, or one that cannot be read, is cleared.
   */
  load(): ObservableInput<ResumptionState | null | undefined>;
  /** Called after changes, once for all that come together. What it does not do at once it must do in order. */
  save(state: ResumptionState): void;
  /** There is nothing to resume any more. */
  clear(): void;
}

/**
 * Saves what belongs to a session whenever it changes, until unsubscribed.
 *
 * A process that is killed may have done more than it has saved. What it had sent then is no harm: the server says how far it
 * came. What it had received comes again.
 */
export function keepResumable(memory: SessionMemory, store: ResumptionStore, scheduler: SchedulerLike): Subscription {
  const save$ = new Subject<void>();
  let stored = true;
  // Subscribed to a Subject, so that an error of the store's is reported and does not end up in the stream.
  const storing = save$.subscribe(() => {
    const { resumable } = memory;
    if (resumable) store.save(stateOf(resumable));
    else if (stored) store.clear();
    stored = resumable !== undefined;
  });
  const saving = memory.changed$.pipe(auditTime(0, scheduler)).subscribe(save$);
  return new Subscription(() => {
    saving.unsubscribe();
    save$.next();
    storing.unsubscribe();
  });
}

function stateOf({ id, jid, location, max, handled, acknowledged, unacknowledged }: Resumable): ResumptionState {
  return {
    ...{ id, jid: jid.toString(), location, max, handled, acknowledged },
    unacknowledged: unacknowledged.map(({ stanza, at }) => ({ stanza: serialize(stanza), at })),
  };
}

/**
 * Reads a state; `undefined` where it is none, or another account's.
 *
 * @param account The JID that connects, or its domain alone.
 */
export function readResumable(state: unknown, account: Jid): Resumable | undefined {
  try {
    return read(state as ResumptionState, account);
  } catch {
    // Whatever is wrong with it: there is a new session then, and the server tells nobody that it was ours.
    return undefined;
  }
}

function read(state: ResumptionState, account: Jid): Resumable | undefined {
  const { id, location, max, handled, acknowledged } = state;
  const bound = jid(state.jid);
  const owner = account.local === undefined ? jid(bound.domain) : bound.bare();
  const isSound =
    typeof id === 'string' &&
    bound.resource !== undefined &&
    owner.equals(account.bare()) &&
    (location === undefined || typeof location === 'string') &&
    isCount(handled) &&
    isCount(acknowledged);
  if (!isSound) return undefined;
  const unacknowledged = state.unacknowledged.map(({ stanza: text, at }) => {
    const stanza = parseElement(text);
    if (!stanza) throw new UsageError('bad-state', 'a stanza is no XML');
    return { stanza, at: Number.isFinite(at) ? at : 0 };
  });
  return { id, jid: bound, location, max, handled, acknowledged, unacknowledged };
}

function isCount(count: unknown): count is number {
  return Number.isInteger(count) && (count as number) >= 0 && (count as number) < 2 ** 32;
}
