import type { Observable } from 'rxjs';

export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
}

/**
 * The records by which services are found (RFC 6763 section 4). Names are written as RFC 6763 section 4.3 has it: a dot within a
 * label, and a backslash, has a backslash before it.
 */
export type DnsRecord =
  | { readonly type: 'PTR'; readonly name: string; readonly ttl: number; readonly data: string }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly ttl: number;
      readonly data: { readonly target: string; readonly port: number };
    }
  | { readonly type: 'TXT'; readonly name: string; readonly ttl: number; readonly data: readonly Uint8Array[] }
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly ttl: number; readonly data: string };

/** A message of multicast DNS (RFC 6762 section 18), as far as it is of use here. */
export interface DnsMessage {
  readonly type: 'query' | 'response';
  readonly questions?: readonly DnsQuestion[];
  readonly answers?: readonly DnsRecord[];
  /** In a query: what whoever probes for a name would use it for (RFC 6762 section 8.2). */
  readonly authorities?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
}

/** The multicast group of the local network, joined. */
export interface MulticastGroup {
  /** The name of this machine within the network, as `pronto.local`, and the addresses it has there. */
  readonly host: string;
  readonly addresses: readonly string[];
  /** What the others send, and what we send ourselves. Records of other types may be left out; those of any content may come. */
  readonly message$: Observable<DnsMessage>;
  /** Sends to all. What cannot be sent is lost, as on any network. */
  send(message: DnsMessage): void;
}

/**
 * The port to multicast DNS (RFC 6762): `multicastDns()` of `rxmpp/node`, or yours. `join` is a resource observable: it emits one group
 * when messages can be sent, errors with `TransportError` where it cannot be joined or is lost, and leaves on unsubscribe, with what was sent
 * before still sent.
 */
export interface MulticastDns {
  join(): Observable<MulticastGroup>;
}
