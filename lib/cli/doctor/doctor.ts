import {
  asyncScheduler,
  catchError,
  concatMap,
  defer,
  forkJoin,
  from,
  map,
  mergeMap,
  of,
  switchMap,
  take,
  timeout,
  toArray,
  type Observable,
} from 'rxjs';
import { xmppStream } from '../../client/xmpp-stream.js';
import { TransportError } from '../../errors/index.js';
import type { Jid } from '../../jid/index.js';
import type { Target } from '../../trace/lifecycle-event.js';
import type { DnsResolver } from '../../transport/dns-resolver.js';
import { ipLiteral } from '../../transport/ip-literal.js';
import { lookUp } from '../../transport/look-up.js';
import { tcp, type Fetch } from '../../transport/node/index.js';
import { resolveTargets } from '../../transport/resolve-targets.js';
import type { ConnectContext, Timeouts } from '../../transport/transport.js';
import { hostMeta } from '../../transport/websocket/host-meta.js';
import type { Diagnosis, ServerReport, ServiceReport, SignInReport, WebReport } from './diagnosis.js';
import { examineAddress, namesOf, type Examination } from './examine-address.js';
import { failureOf } from './failure-of.js';

export interface DoctorConfig {
  /** The domain, or the account to sign in to as well where there is a password. */
  readonly who: Jid;
  readonly password?: string;
  readonly resolver: DnsResolver;
  readonly fetch: Fetch;
  /** PEM; the usual CAs where absent. */
  readonly ca?: string;
  readonly timeouts: Timeouts;
}

/** How many addresses are looked at side by side. */
const SIDE_BY_SIDE = 4;

/**
 * Examines the XMPP service of a domain as a client meets it: DNS, every address of every server, TLS, features; and with a password,
 * what an account gets.
 *
 * ```text
 * SRV, host-meta   --[..]
 * addresses              -[a,b,c]
 * a, b, c                        ---a-b--c
 * signing in                              --s
 * doctor           ---------------------------(d|)
 * ```
 *
 * Emits once: what does not work is part of the diagnosis. Unsubscribing gives up whatever is under way.
 */
export function doctor(config: DoctorConfig): Observable<Diagnosis> {
  const { who, password, resolver, timeouts } = config;
  const { domain, asciiDomain } = who;
  const examination: Examination = { domain, asciiDomain, ca: config.ca, timeouts };
  return defer(() =>
    forkJoin({
      services: servicesOf(asciiDomain, resolver, timeouts),
      web: webOf(asciiDomain, config.fetch, timeouts),
      servers: serversOf(resolver, examination),
    }),
  ).pipe(
    concatMap((found) => {
      if (who.local === undefined || password === undefined) return of({ domain, ...found });
      return signIn(config, password).pipe(map((report) => ({ domain, ...found, signIn: report })));
    }),
  );
}

function servicesOf(domain: string, resolver: DnsResolver, timeouts: Timeouts): Observable<readonly ServiceReport[]> {
  if (ipLiteral(domain) !== undefined) return of([]);
  const names = ['_xmpps-client', '_xmpp-client'].map((service) => `${service}._tcp.${domain}`);
  return forkJoin(
    names.map((name) =>
      lookUp(name, () => resolver.srv(name), { timeouts, scheduler: asyncScheduler }).pipe(
        map((records): ServiceReport => ({ name, records })),
        catchError((error: unknown) => of({ name, records: [], failure: failureOf(error) })),
      ),
    ),
  );
}

function webOf(domain: string, fetch: Fetch, { resolve }: Timeouts): Observable<WebReport> {
  return hostMeta(domain, fetch).pipe(
    timeout({ first: resolve }),
    take(1),
    map((urls): WebReport => ({ urls: urls.map(({ shown }) => shown) })),
    catchError((error: unknown) => of({ urls: [], failure: failureOf(error) })),
  );
}

/** Every address of every target, in the order in which a client would dial. */
function serversOf(resolver: DnsResolver, examination: Examination): Observable<readonly ServerReport[]> {
  const { asciiDomain, timeouts } = examination;
  const context: ConnectContext = {
    domain: asciiDomain,
    tls: 'required',
    timeouts,
    scheduler: asyncScheduler,
    // The order among equals is a lot, which a report is not to be.
    random: () => 0,
    trace: () => undefined,
  };
  return resolveTargets(resolver, context).pipe(
    // What is wrong with the look-up is told by `services`.
    catchError(() => of<readonly Target[]>([])),
    switchMap((targets) => from(targets)),
    concatMap((target) => addressesOf(target, resolver, timeouts)),
    map((place, index) => ({ ...place, index })),
    mergeMap(({ target, address, failure, index }) => {
      const report$: Observable<ServerReport> =
        address === undefined ? of({ ...target, failure }) : examineAddress(target, address, examination);
      return report$.pipe(map((report) => ({ report, index })));
    }, SIDE_BY_SIDE),
    toArray(),
    map((reports) => reports.sort((a, b) => a.index - b.index).map(({ report }) => report)),
  );
}

interface Place {
  readonly target: Target;
  readonly address?: string;
  readonly failure?: ServerReport['failure'];
}

function addressesOf(target: Target, resolver: DnsResolver, timeouts: Timeouts): Observable<Place> {
  const { host } = target;
  const literal = ipLiteral(host);
  if (literal !== undefined) return of({ target, address: literal });
  return lookUp(host, () => resolver.addresses(host, 0), { timeouts, scheduler: asyncScheduler }).pipe(
    switchMap((addresses): Observable<Place> => {
      if (addresses.length > 0) return from(addresses.map(({ address }) => ({ target, address })));
      const text = `${host} has no address`;
      throw new TransportError({ condition: 'dns-no-address', phase: 'resolve', text });
    }),
    catchError((error: unknown) => of({ target, failure: failureOf(error) })),
  );
}

function signIn({ who, resolver, ca, timeouts }: DoctorConfig, password: string): Observable<SignInReport> {
  return defer(() => {
    let mechanism: string | undefined;
    return xmppStream({
      jid: who,
      credentials: { password },
      transport: tcp({ resolver, tls: { ca } }),
      timeouts,
      keepAlive: false,
      trace: (event) => {
        if (event.type === 'authenticated') mechanism = event.mechanism;
      },
    }).pipe(
      take(1),
      map(({ jid: bound, managed, features }): SignInReport => ({
        mechanism,
        jid: bound.toString(),
        features: namesOf(features),
        streamManagement: managed,
      })),
      catchError((error: unknown) => of({ mechanism, failure: failureOf(error) })),
    );
  });
}
