import { lookup, Resolver, type LookupAddress, type SrvRecord as NodeSrvRecord } from 'node:dns';
import { asyncScheduler, map, Observable, of, type SchedulerLike } from 'rxjs';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { Address, DnsResolver, SrvRecord } from '../dns-resolver.js';

export interface NodeResolverConfig {
  /**
   * Addresses of DNS servers, with a port where it is not 53: `['192.0.2.53', '[2001:db8::53]:5353']`. Defaults to those
   * of the system; where given, the addresses of hosts are asked from them too, in place of the system's look-up.
   */
  readonly servers?: readonly string[];
  /** `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
}

type Callback<T> = (error: NodeJS.ErrnoException | null, records: readonly T[]) => void;

/** How long an answer for one address family waits for the other one (RFC 8305 section 3), in milliseconds. */
const RESOLUTION_DELAY = 50;

/**
 * The DNS as Node reaches it.
 *
 * SRV records are asked with a `Resolver` of their own for each query, so that unsubscribing cancels exactly that one.
 * Addresses come from the system's look-up (`getaddrinfo`), because `localhost` and `/etc/hosts` must work; it cannot be
 * cancelled, so an answer that comes too late is ignored. With `servers` they are DNS queries too.
 *
 * @throws UsageError `bad-dns-servers` Where `servers` has something else than addresses.
 */
export function nodeResolver({ servers, scheduler = asyncScheduler }: NodeResolverConfig = {}): DnsResolver {
  if (servers) checkServers(servers);
  const query = <T>(name: string, ask: (resolver: Resolver, done: Callback<T>) => void): Observable<readonly T[]> =>
    new Observable((subscriber) => {
      // A lost datagram is asked again soon; the deadline as a whole is the caller's.
      const resolver = new Resolver({ timeout: 2000, tries: 4 });
      if (servers) resolver.setServers(servers);
      let pending = true;
      ask(resolver, (error, records) => {
        pending = false;
        if (error && !hasNoRecords(error)) return subscriber.error(lookUpFailed(name, error));
        subscriber.next(error ? [] : records);
        subscriber.complete();
      });
      return () => {
        if (pending) resolver.cancel();
      };
    });

  const resolveFamily = (host: string, family: 4 | 6): Observable<readonly Address[]> =>
    query<string>(host, (resolver, done) =>
      family === 4 ? resolver.resolve4(host, done) : resolver.resolve6(host, done),
    ).pipe(map((addresses) => addresses.map((address) => ({ address, family }))));

  return {
    srv(name) {
      // Special names (RFC 6761 section 6.3) are no business of the DNS; a server that was asked for may know better.
      if (!servers && isLocalhost(name)) return of([]);
      return query<NodeSrvRecord>(name, (resolver, done) => resolver.resolveSrv(name, done)).pipe(
        // As the port has them: Node 24 and newer say the type, too.
        map((records) =>
          records.map(({ name, port, priority, weight }): SrvRecord => ({ name, port, priority, weight })),
        ),
      );
    },
    addresses(host, family) {
      if (!servers || isLocalhost(host)) return lookUp(host, family);
      if (family !== 0) return resolveFamily(host, family);
      return eitherFamily(resolveFamily(host, 6), resolveFamily(host, 4), scheduler);
    },
  };
}

function lookUp(host: string, family: 0 | 4 | 6): Observable<readonly Address[]> {
  return new Observable((subscriber) => {
    const done = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => {
      if (error && !hasNoRecords(error)) return subscriber.error(lookUpFailed(host, error));
      subscriber.next(error ? [] : addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })));
      subscriber.complete();
    };
    // The system's order is RFC 6724's, which knows what is reachable from here.
    lookup(host, { all: true, verbatim: true, family }, done);
  });
}

/**
 * The addresses of both families as one list, IPv6 first. One that is slow or fails does not hold up the other:
 *
 * ```text
 * v6                        ----------
 * v4                        --b|
 * eitherFamily, delay 3     -----(b|)
 * ```
 */
function eitherFamily(
  v6: Observable<readonly Address[]>,
  v4: Observable<readonly Address[]>,
  scheduler: SchedulerLike,
): Observable<readonly Address[]> {
  return new Observable((subscriber) => {
    const found: (readonly Address[])[] = [[], []];
    let open = 2;
    let failure: { error: unknown } | undefined;
    const tell = () => {
      const addresses = found.flat();
      if (addresses.length === 0 && failure) return subscriber.error(failure.error);
      subscriber.next(addresses);
      subscriber.complete();
    };
    [v6, v4].forEach((family$, index) => {
      subscriber.add(
        family$.subscribe({
          next: (addresses) => (found[index] = addresses),
          error: (error: unknown) => {
            failure = { error };
            if (--open === 0) tell();
          },
          complete: () => {
            if (--open === 0) tell();
            else if (found[index]!.length > 0) subscriber.add(scheduler.schedule(tell, RESOLUTION_DELAY));
          },
        }),
      );
    });
  });
}

/** Before any query: there it would pass for a DNS that is out of order, to be asked again later. */
function checkServers(servers: readonly string[]): void {
  try {
    new Resolver().setServers(servers);
  } catch (cause) {
    throw new UsageError('bad-dns-servers', '`servers` are IP addresses, with a port where it is not 53', cause);
  }
}

function isLocalhost(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

/** NXDOMAIN and NODATA, in the words of c-ares and of getaddrinfo. */
function hasNoRecords({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOTFOUND' || code === 'ENODATA' || code === 'EAI_NONAME' || code === 'EAI_NODATA';
}

function lookUpFailed(name: string, error: NodeJS.ErrnoException): TransportError {
  if (error.code === 'EREFUSED') {
    return new TransportError({
      condition: 'dns-refused',
      text: `the DNS server refused to answer for ${name}; is it the right one for this network?`,
      phase: 'resolve',
      cause: error,
    });
  }
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'no DNS server can be reached; is the network up?',
    EAI_AGAIN: 'no DNS server can be reached; is the network up?',
    ETIMEOUT: 'no DNS server answered; is the network up?',
    ESERVFAIL: 'the DNS server failed; try again later, or another server',
    EBADNAME: 'that is no name that the DNS can hold; is the domain right?',
  };
  const retryable = error.code !== 'EBADNAME';
  const reason = reasons[error.code ?? ''] ?? `the DNS server's answer is of no use (${error.code})`;
  return new TransportError({
    condition: 'dns-failure',
    text: `cannot look up ${name}: ${reason}`,
    phase: 'resolve',
    retryable,
    cause: error,
  });
}
