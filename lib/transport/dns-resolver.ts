import type { Observable } from 'rxjs';

/** One SRV record (RFC 2782). A `name` of `''` or `.` says that the service is not offered. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  /** Lower is tried first. */
  readonly priority: number;
  /** The share of this record among those of its priority. */
  readonly weight: number;
}

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * The port to the DNS. Every observable is cold, emits one value and completes; unsubscribing gives the query up.
 *
 * Where the answer is that there are no records (NXDOMAIN, or no data of that type), the value is the empty list: that is
 * knowledge. Where there is no answer, the observable errors with a `TransportError`: `dns-failure` (SERVFAIL, an
 * unreachable or broken server) or `dns-refused`. Deadlines are the caller's.
 */
export interface DnsResolver {
  /** @param name Such as `_xmpp-client._tcp.example.org`. */
  srv(name: string): Observable<readonly SrvRecord[]>;
  /**
   * @param host A host name, never an IP literal.
   * @param family 4 or 6 for addresses of that family only, 0 for both.
   */
  addresses(host: string, family: 0 | 4 | 6): Observable<readonly Address[]>;
}
