import { TransportError, type TransportCondition } from '../../errors/transport-error.js';
import { XmppError } from '../../errors/xmpp-error.js';

/** The most telling first: that a host refuses says more than that another of its addresses has no route. */
const TELLING: readonly TransportCondition[] = [
  'connection-refused',
  'connection-reset',
  'host-unreachable',
  'network-unreachable',
];

/** What a target failed with where its addresses failed with `errors`: the error itself if it is the only one. */
export function allAddressesFailed(peer: string, errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  const conditions = errors.map((error) => (error instanceof XmppError ? error.condition : ''));
  const condition = TELLING.find((telling) => conditions.includes(telling)) ?? 'connection-failed';
  return new TransportError({
    condition,
    text: `none of the ${errors.length} addresses of ${peer} could be connected to: ${texts(errors)}`,
    phase: 'connect',
    errors,
    cause: errors[conditions.indexOf(condition)] ?? errors[0],
  });
}

/** What an attempt failed with where its targets failed with `errors`: the error itself if it is the only one. */
export function allTargetsFailed(domain: string, errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  return new TransportError({
    condition: 'all-targets-failed',
    text: `none of the ${errors.length} servers of ${domain} could be connected to: ${texts(errors)}`,
    phase: 'connect',
    // Later is of use only if it is for one of them.
    retryable: errors.some((error) => error instanceof XmppError && error.retryable),
    errors,
    cause: errors[0],
  });
}

function texts(errors: readonly unknown[]): string {
  return errors.map((error) => (error instanceof XmppError ? error.text : String(error))).join('; ');
}
