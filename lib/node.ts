export { nodeCrypto } from './crypto/node/node-crypto.js';
export * from './transport/node/index.js';
export { p2p, type P2pOptions, type PeerOptions } from './p2p/node/p2p.js';
export { p2pListen, type P2pListenOptions } from './p2p/node/p2p-listen.js';
export type { VerifyPeerOf } from './p2p/node/verify-peer-of.js';
export type { PeerSession, PeerSessionConfig } from './p2p/peer-session.js';
export { multicastDns } from './p2p/node/multicast-dns.js';
export type { MulticastDnsConfig } from './p2p/node/multicast-dns-config.js';
export { announcePeer, type AnnouncePeerConfig } from './p2p/discovery/announce-peer.js';
export { discoverPeers, type DiscoverPeersConfig } from './p2p/discovery/discover-peers.js';
export type {
  DnsMessage,
  DnsQuestion,
  DnsRecord,
  MulticastDns,
  MulticastGroup,
} from './p2p/discovery/multicast-dns.js';
export type { DiscoveredPeer, PeerChange } from './p2p/discovery/peer-records.js';
export type { PeerText } from './p2p/discovery/peer-text.js';
