import type { LifecycleEvent, Target } from '../../trace/lifecycle-event.js';

/** What there is to know of an event beside its type, for people. */
export function describeEvent(event: LifecycleEvent): string {
  switch (event.type) {
    case 'resolving':
      return event.domain;
    case 'resolved':
      return event.targets.map((target) => describeTarget(target)).join(', ');
    case 'connecting':
    case 'connected':
      return describeTarget(event.target, event.address);
    case 'target-failed':
      return `${describeTarget(event.target, event.address)}: ${event.error.condition}`;
    case 'secured': {
      const { protocol, cipher, certificate } = event.tls;
      return [protocol, cipher, certificate && `${certificate.subject} by ${certificate.issuer}`]
        .filter(Boolean)
        .join(', ');
    }
    case 'opened':
      return [event.from, event.id && `id ${event.id}`].filter(Boolean).join(', ');
    case 'features':
      return event.names.join(' ');
    case 'authenticating':
    case 'authenticated':
      return event.mechanism;
    case 'bound':
      return event.jid;
    case 'online':
      return `${event.jid}${event.resumed ? ' (resumed)' : ''}`;
    case 'redirected':
      return event.to;
    case 'failed':
      return `${event.error.condition}${event.phase ? ` in phase ${event.phase}` : ''}`;
    case 'cancelled':
      return `in phase ${event.phase}`;
    default:
      return '';
  }
}

function describeTarget({ host, port, security }: Target, address?: string): string {
  const where = port === 0 ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const at = address === undefined || address === host ? '' : ` at ${address}`;
  return `${where}${at}${security === 'starttls' ? '' : ` (${security === 'direct' ? 'direct TLS' : 'no TLS'})`}`;
}
