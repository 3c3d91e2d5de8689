/** By default the network that the operating system prefers. */
export interface MulticastDnsConfig {
  /** The IPv4 address of the only network to use; by default that which the operating system prefers, heard on all. */
  readonly interface?: string;
  /** Default 5353. Another one makes a network apart, for specs. */
  readonly port?: number;
  /** The name of this machine within the network; by default that of the operating system, as `pronto.local`. */
  readonly host?: string;
}
