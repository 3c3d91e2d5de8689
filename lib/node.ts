export * from './transport/node/index.js';
export { p2p, type P2pOptions, type PeerOptions } from './p2p/node/p2p.js';
export { p2pListen, type P2pListenOptions } from './p2p/node/p2p-listen.js';
export type { PeerSession, PeerSessionConfig } from './p2p/peer-session.js';
