import { delay, map, NEVER, of, type Observable, type SchedulerLike } from 'rxjs';
import { TransportError } from '../../errors/index.js';
import type { Address, DnsResolver, SrvRecord } from '../../transport/dns-resolver.js';

/** What is wrong with an answer: `fails` is SERVFAIL, `refused` REFUSED, and `silent` none at all. */
export type ZoneFault = 'fails' | 'refused' | 'silent';

/**
 * The DNS by name. `_xmpp-client._tcp.example.org` has SRV records (`priority` and `weight` are 0 where they are not given; the name `.` says that
 * the service is not offered), hosts have addresses. What is not named does not exist.
 */
export type Zone = Readonly<
  Record<string, readonly (string | (Pick<SrvRecord, 'name' | 'port'> & Partial<SrvRecord>))[] | ZoneFault>
>;

export interface ZoneResolverOptions {
  /** Milliseconds to an answer. Default 0. */
  readonly latency?: number;
  readonly scheduler?: SchedulerLike;
}

/** The DNS of a test, for `tcp({ resolver })` and the simulated network. It is read at each query, so it may change. */
export function zoneResolver(zone: Zone, { latency = 0, scheduler }: ZoneResolverOptions = {}): DnsResolver {
  function ask<T>(
    name: string,
    read: (records: Exclude<Zone[string], ZoneFault>) => readonly T[],
  ): Observable<readonly T[]> {
    const answer = zone[name.toLowerCase()] ?? [];
    if (answer === 'silent') return NEVER;
    const answer$ = typeof answer === 'string' ? of([]) : of(read(answer));
    const due$ = latency > 0 ? answer$.pipe(delay(latency, scheduler)) : answer$;
    if (typeof answer !== 'string') return due$;
    const condition = answer === 'fails' ? 'dns-failure' : 'dns-refused';
    const text = `the DNS has no answer for ${name}: ${answer}`;
    return due$.pipe(
      map(() => {
        throw new TransportError({ condition, phase: 'resolve', text });
      }),
    );
  }
  return {
    srv: (name) =>
      ask(name, (records) =>
        records.flatMap((record): SrvRecord[] =>
          typeof record === 'string' ? [] : [{ priority: 0, weight: 0, ...record }],
        ),
      ),
    addresses: (host, family) =>
      ask(host, (records) =>
        records.flatMap((record): Address[] =>
          typeof record === 'string' ? [{ address: record, family: record.includes(':') ? 6 : 4 }] : [],
        ),
      ).pipe((all$) => (family === 0 ? all$ : ofFamily(all$, family))),
  };
}

function ofFamily(all$: Observable<readonly Address[]>, family: 4 | 6): Observable<readonly Address[]> {
  return all$.pipe(map((addresses) => addresses.filter((address) => address.family === family)));
}
