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

/** The events that tell of a status by its name. */
const KINDS = /^(connect|secur|authenticat|bind|resum|clos)ing$/;

/** The status after a lifecycle event; `undefined` where it changes nothing. */
export function statusAfter(event: TraceEvent): XmppStatus | undefined {
  const { type, attempt, target, mechanism } = event as TraceEvent & { target?: Target; mechanism?: string };
  const kind = type === 'resolving' ? 'connecting' : type;
  if (!KINDS.test(kind)) return undefined;
  return { kind, attempt, ...(target && { target }), ...(mechanism && { mechanism }) } as XmppStatus;
}
