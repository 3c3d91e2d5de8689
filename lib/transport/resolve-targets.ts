import { catchError, defer, forkJoin, map, of, tap, type Observable } from 'rxjs';
import { TransportError } from '../errors/transport-error.js';
import type { Target } from '../trace/lifecycle-event.js';
import type { DnsResolver, SrvRecord } from './dns-resolver.js';
import { ipLiteral } from './ip-literal.js';
import { lookUp } from './look-up.js';
import { srvOrder } from './srv-order.js';
import type { ConnectContext } from './transport.js';

/** No domain needs more, and whoever publishes a thousand records shall not keep us dialling for hours. */
export const MAX_TARGETS = 32;

interface Service {
  readonly label: '_xmpps-client' | '_xmpp-client';
  readonly security: Target['security'];
}

type Answer = { readonly records: readonly SrvRecord[] } | { readonly error: unknown };

/**
 * Where a domain's XMPP service is to be dialled, in order (RFC 6120 section 3.2, XEP-0368, RFC 2782).
 *
 * `_xmpps-client._tcp` (direct TLS) and `_xmpp-client._tcp` (STARTTLS) are looked up at the same time, each bounded by
 * `timeouts.resolve`, and their records are ordered as one set. A service whose only target is `.` is not offered.
 *
 * | outcome | result |
 * |---|---|
 * | any usable record | the targets, at most 32; that the other look-up failed is no matter |
 * | else a look-up failed | `TransportError` `dns-failure` or `dns-refused`, or `XmppTimeoutError` of phase `resolve`: without an answer nobody knows that there are no records, so there is no fallback that an attacker could force |
 * | else a `.` | `TransportError` `dns-not-offered`, not retryable: the domain's own statement |
 * | no records at all | the domain itself, port 5222, STARTTLS, and nothing else |
 *
 * An IP address as domain is dialled without look-up.
 *
 * @param security Only targets of this kind; `undefined` for what the TLS policy allows. `direct` has no fallback, because
 *   no port is assigned to it.
 */
export function resolveTargets(
  resolver: DnsResolver,
  { domain, tls, timeouts, scheduler, random, trace }: ConnectContext,
  security?: Target['security'],
): Observable<readonly Target[]> {
  const address = ipLiteral(domain);
  const plain = security ?? (tls === 'disabled' ? 'none' : 'starttls');
  const fallback: Target = { host: address ?? domain, port: 5222, security: plain };
  const services = servicesOf(security, tls);

  const answerOf = ({ label }: Service): Observable<Answer> =>
    lookUp(`${label}._tcp.${domain}`, () => resolver.srv(`${label}._tcp.${domain}`), { timeouts, scheduler }).pipe(
      map((records) => ({ records })),
      catchError((error: unknown) => of({ error })),
    );

  return defer(() => {
    if (address !== undefined && security !== 'direct') return of([fallback]);
    trace({ type: 'resolving', domain });
    return forkJoin(services.map(answerOf)).pipe(map((answers) => targetsOf(answers)));
  }).pipe(tap((targets) => trace({ type: 'resolved', targets })));

  function targetsOf(answers: readonly Answer[]): readonly Target[] {
    const offered = answers.flatMap((answer, index) =>
      'records' in answer ? answer.records.map((record) => ({ ...record, security: services[index]!.security })) : [],
    );
    const usable = offered.filter(({ name, port }) => name !== '' && name !== '.' && port > 0 && port < 65_536);
    if (usable.length > 0) return distinct(srvOrder(usable, random)).slice(0, MAX_TARGETS);

    const errors = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
    // The last service is the one that every server offers, so its failure tells more.
    if (errors.length > 0) throw errors.at(-1);
    if (offered.length > 0) {
      throw new TransportError({
        condition: 'dns-not-offered',
        text: `${domain} says in the DNS that it offers no ${security === 'direct' ? 'direct TLS' : 'XMPP service'} to clients; is the domain right?`,
        phase: 'resolve',
        retryable: false,
      });
    }
    if (security === 'direct') {
      throw new TransportError({
        condition: 'dns-not-offered',
        text: `${domain} publishes no _xmpps-client records; give \`host\` and \`port\`, or leave \`security\` out`,
        phase: 'resolve',
        retryable: false,
      });
    }
    return [fallback];
  }
}

function servicesOf(security: Target['security'] | undefined, tls: ConnectContext['tls']): readonly Service[] {
  if (security === 'direct') return [{ label: '_xmpps-client', security }];
  if (security !== undefined) return [{ label: '_xmpp-client', security }];
  if (tls === 'disabled') return [{ label: '_xmpp-client', security: 'none' }];
  return [
    { label: '_xmpps-client', security: 'direct' },
    { label: '_xmpp-client', security: 'starttls' },
  ];
}

function distinct(records: readonly (SrvRecord & { security: Target['security'] })[]): Target[] {
  const targets = new Map<string, Target>();
  for (const { name, port, security } of records) {
    const host = name.replace(/\.$/, '');
    const key = `${security} ${host.toLowerCase()} ${port}`;
    if (!targets.has(key)) targets.set(key, { host, port, security });
  }
  return [...targets.values()];
}
