import { auditTime, merge, Subject, Subscription, type ObservableInput, type SchedulerLike } from 'rxjs';
import { jid, type Jid } from '../jid/jid.js';
import type { Resumption } from '../stream/management/resumption.js';
import { parseCount, Unacknowledged } from '../stream/management/unacknowledged.js';
import { parseElement } from '../xml/parse-element.js';
import { serialize } from '../xml/serialize.js';
import { Outgoing } from './delivery.js';
import type { SessionMemory } from './session-memory.js';

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
 * What `save` and `clear` throw is reported as RxJS does it, and harms nothing.
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
 *
 * @param stale Whether there is a state in it that nobody can resume.
 */
export function keepResumable(
  memory: SessionMemory,
  store: ResumptionStore,
  scheduler: SchedulerLike,
  stale = false,
): Subscription {
  const change$ = new Subject<void>();
  const now$ = new Subject<void>();
  let stored = true;
  const save = () => {
    const state = stateOf(memory);
    if (state) store.save(state);
    else if (stored) store.clear();
    stored = state !== undefined;
  };
  // Subscribed to Subjects, so that an error of the store's is reported and does not end up in the stream.
  const saving = merge(change$.pipe(auditTime(0, scheduler)), now$).subscribe(save);
  if (stale) now$.next();
  memory.onChange = () => change$.next();
  return new Subscription(() => {
    memory.onChange = undefined;
    now$.next();
    saving.unsubscribe();
  });
}

/** What is needed to go on with the session, if it can outlive its stream. */
function stateOf({ resumption, handled, unacknowledged }: SessionMemory): ResumptionState | undefined {
  return (
    resumption && {
      ...resumption,
      jid: resumption.jid.toString(),
      handled,
      acknowledged: unacknowledged.acknowledged,
      unacknowledged: unacknowledged.list().map(({ stanza, at }) => ({ stanza: serialize(stanza), at })),
    }
  );
}

/** A state that was read. */
export interface Resumable extends Resumption {
  readonly handled: number;
  readonly acknowledged: number;
  readonly unacknowledged: readonly Pick<Outgoing, 'stanza' | 'at'>[];
}

/** Goes on where another process was. */
export function restore(memory: SessionMemory, state: Resumable): void {
  const { handled, acknowledged, unacknowledged, ...resumption } = state;
  const items = unacknowledged.map(({ stanza, at }) => {
    const outgoing = new Outgoing(stanza, at, undefined, memory.undelivered$);
    outgoing.handedOver = true;
    return outgoing;
  });
  memory.managed = true;
  memory.resumption = resumption;
  memory.handled = handled;
  // It may have been stopped in the midst of anything.
  memory.unacknowledged = new Unacknowledged(acknowledged, items, true);
}

/**
 * Reads a state; `undefined` where it is none, or another account's.
 *
 * The account is the JID that connects, or its domain alone.
 */
export function readResumable(state: unknown, { local, domain }: Pick<Jid, 'local' | 'domain'>): Resumable | undefined {
  try {
    const { id, jid: full, location, max, handled, acknowledged, unacknowledged } = state as ResumptionState;
    const bound = jid(full);
    const stanzas = unacknowledged.map(({ stanza, at }) => ({
      stanza: parseElement(stanza)!,
      at: Number.isFinite(at) ? at : 0,
    }));
    const isSound =
      typeof id === 'string' &&
      bound.resource !== undefined &&
      bound.domain === domain &&
      (local === undefined || bound.local === local) &&
      (location === undefined || typeof location === 'string') &&
      [handled, acknowledged].every((count) => count === (parseCount(`${count}`) ?? NaN)) &&
      stanzas.every(({ stanza }) => stanza);
    return isSound ? { id, jid: bound, location, max, handled, acknowledged, unacknowledged: stanzas } : undefined;
  } catch {
    // Whatever is wrong with it: there is a new session then, and the server tells nobody that it was ours.
    return undefined;
  }
}
