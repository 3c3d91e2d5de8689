import { startEjabberd } from './ejabberd.js';
import { startProsody } from './prosody.js';

export { startEjabberd, startProsody };
export { createAuthority, type Authority, type Certificate } from './certificates.js';
export { freePorts } from './free-ports.js';
export type { HostOptions, Ports, RealServer, ServerOptions } from './real-server.js';
export type { Tokens } from './tokens.js';

/** The real counterparts, for specs that hold for each of them. */
export const realServers = { prosody: startProsody, ejabberd: startEjabberd } as const;
