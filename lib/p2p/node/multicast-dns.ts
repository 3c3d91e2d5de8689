import { catchError, defer, from, switchMap, throwError } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import type { MulticastDns } from '../discovery/multicast-dns.js';
import type { MulticastDnsConfig } from './multicast-dns-config.js';
import { multicastGroup } from './multicast-group.js';

/**
 * Multicast DNS over IPv4 by the `multicast-dns` package, which is an optional peer dependency. Every `join` has a socket of its own, and shares the
 * port with whatever else speaks multicast DNS on this machine.
 *
 * `join` errors with `UsageError` `no-multicast-dns` where the package is not installed, and with `TransportError` `connection-failed`.
 */
export function multicastDns(config: MulticastDnsConfig = {}): MulticastDns {
  const package$ = defer(() => from(import('multicast-dns'))).pipe(
    catchError((cause: unknown) => {
      const text = 'multicast DNS needs the `multicast-dns` package: install it';
      return throwError(() => new UsageError('no-multicast-dns', text, cause));
    }),
  );
  return { join: () => package$.pipe(switchMap(({ default: create }) => multicastGroup(create, config))) };
}
