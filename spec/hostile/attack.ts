import type { XmppOptions } from '../../lib/client/options.js';
import type { Phase } from '../../lib/errors/index.js';
import type { Session } from '../../lib/session/session.js';
import type { Script } from '../../lib/testing.js';
import type { LifecycleEvent } from '../../lib/trace/lifecycle-event.js';
import type { Link, Wire } from './wire.js';

/** What a hostile server does, and what may come of it. */
export interface Attack {
  /** The row of the list of threats. */
  readonly row: string;
  readonly name: string;
  /** The links that it can be made on; all by default. */
  readonly over?: readonly Link[];
  /** The server. Of several scripts each serves one connection. */
  readonly script: (wire: Wire) => Script | { readonly scripts: readonly Script[] };
  /**
   * What it may end in, as `layer condition (phase)`, or `online` where the attack comes to nothing. A pattern where the phase depends
   * on how the bytes were cut.
   */
  readonly ends: readonly (string | RegExp)[];
  /** What the session is used for, and what of it is noted. */
  readonly use?: (session: Session, note: (text: string) => void) => void;
  /** What is to be noted, in order. */
  readonly notes?: readonly string[];
  /** Gives up at this event. */
  readonly abortAt?: LifecycleEvent['type'];
  /** The server falls silent in this phase: the client's bound of it is short where time is real. */
  readonly silent?: Phase;
  readonly options?: Partial<XmppOptions>;
  /** The client has no reason to prove that it knows the password: a proof counts as leaked. */
  readonly noProof?: boolean;
  /** A password in clear, over TLS, was asked for. */
  readonly plain?: boolean;
  /** Errors that are thrown by the application itself, and reported as RxJS does. */
  readonly reports?: number;
  /** How many connections there may be; one by default. */
  readonly connections?: number;
  /** Channel-binding data of scripted links, and whether it makes sense over real ones. */
  readonly channelBinding?: Uint8Array;
  /** Only where time is virtual: it would take minutes, or needs a link that does as it is told. */
  readonly virtual?: boolean;
  /** Octets apart at which it is cut in two; every one by default. Long attacks say the same in all their middle. */
  readonly stride?: number;
  /** Not for other clients: it turns on an option or an observable that only rxmpp has. */
  readonly own?: boolean;
}

/** What has come of an attack. */
export interface Result {
  readonly outcome: string;
  readonly notes: readonly string[];
  /** Octets of credentials that went where they must not: in clear, to a server that proved nothing, or into what is told. */
  readonly leaked: number;
  /** What is wrong beside the outcome: things still held, a second end, errors that nobody caught. */
  readonly faults: readonly string[];
}

/** Why a result is not what the attack may end in; nothing where it is. */
export function complaints(
  attack: Pick<Attack, 'ends' | 'notes'>,
  { outcome, notes, leaked, faults }: Result,
): string[] {
  const fits = attack.ends.some((end) => (typeof end === 'string' ? end === outcome : end.test(outcome)));
  const all = [...faults];
  if (!fits) all.push(`ended in ${outcome}, not in ${attack.ends.join(' or ')}`);
  if (leaked > 0) all.push(`${leaked} octets of credentials leaked`);
  if (attack.notes && outcome === 'online' && notes.join('; ') !== attack.notes.join('; '))
    all.push(`noted '${notes.join('; ')}', not '${attack.notes.join('; ')}'`);
  return all;
}
