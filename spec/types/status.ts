import type { Observable } from 'rxjs';
import {
  XmppError,
  XmppTimeoutError,
  type ErrorLayer,
  type Jid,
  type LifecycleEvent,
  type Phase,
  type TlsInfo,
  type TraceEvent,
  type XmppClient,
  type XmppStatus,
} from '../../lib/index.js';
import { holds, some, type Same } from './same.js';

export function statusIsNarrowed(): void {
  holds<Same<XmppClient['status$'], Observable<XmppStatus>>>();
  const status = some<XmppStatus>();

  // @ts-expect-error -- only who is online has a JID
  void status.jid;
  // @ts-expect-error -- there is no such status
  void (status.kind === 'connected');

  switch (status.kind) {
    case 'offline':
      holds<Same<typeof status.error, XmppError | undefined>>();
      // @ts-expect-error -- no attempt is under way
      void status.attempt;
      break;
    case 'connecting':
      void status.target?.host;
      break;
    case 'authenticating':
      holds<Same<typeof status.mechanism, string>>();
      break;
    case 'online':
      holds<Same<typeof status.jid, Jid>>();
      holds<Same<typeof status.resumed, boolean>>();
      // @ts-expect-error -- it is not waiting
      void status.until;
      break;
    case 'waiting':
      holds<Same<typeof status.until, number>>();
      holds<Same<typeof status.error, XmppError>>();
      break;
    case 'securing':
    case 'binding':
    case 'resuming':
    case 'closing':
      holds<Same<typeof status.attempt, number>>();
      break;
    default:
      holds<Same<typeof status, never>>();
  }
}

export function eventsAreNarrowed(): void {
  holds<Same<XmppClient['trace$'], Observable<TraceEvent>>>();
  const event = some<TraceEvent>();
  holds<Same<typeof event.attempt, number>>();
  holds<Same<typeof event.time, number>>();

  if (event.type === 'secured') holds<Same<typeof event.tls, TlsInfo>>();
  if (event.type === 'failed') holds<Same<typeof event.error, XmppError>>();
  if (event.type === 'cancelled') holds<Same<typeof event.phase, Phase>>();
  // @ts-expect-error -- only a failure has an error
  if (event.type === 'closed') void event.error;
  // @ts-expect-error -- there is no such event
  void (event.type === 'disconnected');
  // @ts-expect-error -- an event of its own says when it happened
  holds<Same<LifecycleEvent, TraceEvent>>();
}

export function errorsAreTyped(error: unknown): void {
  if (!(error instanceof XmppError)) return;
  holds<Same<typeof error.layer, ErrorLayer>>();
  holds<Same<typeof error.phase, Phase | undefined>>();
  holds<Same<typeof error.condition, string>>();
  holds<Same<typeof error.retryable, boolean>>();
  if (error instanceof XmppTimeoutError) {
    holds<Same<typeof error.layer, 'timeout'>>();
    holds<Same<typeof error.due, number>>();
  }
  // @ts-expect-error -- there is no such phase
  void (error.phase === 'login');
  // @ts-expect-error -- the phase is told, and not set
  error.phase = 'sasl';
  // @ts-expect-error -- no error without a kind
  new XmppError({ condition: 'x' });
}
