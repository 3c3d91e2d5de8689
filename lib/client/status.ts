import type { XmppError } from '../errors/xmpp-error.js';
import type { Jid } from '../jid/jid.js';
import type { Target, TraceEvent } from '../trace/lifecycle-event.js';

/** What a client is doing. `online` means usable, nothing less. */
export type XmppStatus =
  /** No attempt is under way and none is planned. `error` is what put an end to them, if one did. */
  | { readonly kind: 'offline'; readonly error?: XmppError }
  | { readonly kind: 'connecting'; readonly attempt: number; readonly target?: Target }
  | { readonly kind: 'securing'; readonly attempt: number }
  | { readonly kind: 'authenticating'; readonly attempt: number; readonly mechanism: string }
  | { readonly kind: 'binding'; readonly attempt: number }
  | { readonly kind: 'resuming'; readonly attempt: number }
  | { readonly kind: 'online'; readonly attempt: number; readonly jid: Jid; readonly resumed: boolean }
  | { readonly kind: 'closing'; readonly attempt: number }
  /** The link is lost; the next attempt begins at `until` (milliseconds, by the scheduler's clock). */
  | {
      readonly kind: 'waiting';
      readonly attempt: number;
      readonly failures: number;
      readonly delay: number;
      readonly until: number;
      readonly error: XmppError;
    };

/** The status after a lifecycle event; `undefined` where it changes nothing. */
export function statusAfter(event: TraceEvent): XmppStatus | undefined {
  const { attempt } = event;
  switch (event.type) {
    case 'resolving':
      return { kind: 'connecting', attempt };
    case 'connecting':
      return { kind: 'connecting', attempt, target: event.target };
    case 'securing':
      return { kind: 'securing', attempt };
    case 'authenticating':
      return { kind: 'authenticating', attempt, mechanism: event.mechanism };
    case 'binding':
      return { kind: 'binding', attempt };
    case 'resuming':
      return { kind: 'resuming', attempt };
    case 'closing':
      return { kind: 'closing', attempt };
    default:
      return undefined;
  }
}
