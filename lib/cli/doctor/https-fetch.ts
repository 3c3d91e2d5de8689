import { get } from 'node:https';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { firstValueFrom } from 'rxjs';
import type { DnsResolver } from '../../transport/dns-resolver.js';
import type { Fetch, FetchResponse } from '../../transport/node/index.js';

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** What of `fetch` a look-up of host-meta needs, with the resolver and the CA that the doctor was given. */
export function httpsFetch(resolver: DnsResolver, ca: string | undefined): Fetch {
  const lookup = (host: string, { all }: LookupOptions, found: Found) => {
    firstValueFrom(resolver.addresses(host, 0)).then(
      (addresses) => {
        const [first] = addresses;
        if (!first) return found(new Error(`${host} has no address`), '');
        if (all) found(null, [...addresses]);
        else found(null, first.address, first.family);
      },
      (error: Error) => found(error, ''),
    );
  };
  return (url, { signal, headers }) =>
    new Promise<FetchResponse>((resolve, reject) => {
      // A redirect is an answer that is not `ok`.
      get(url, { signal, headers, ca, lookup: lookup as never, agent: false }, (response) => {
        const status = response.statusCode ?? 0;
        resolve({ ok: status >= 200 && status < 300, status, body: response });
      }).on('error', reject);
    });
}
