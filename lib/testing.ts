export {
  scriptedTransport,
  perConnection,
  type ScriptedTransport,
  type ScriptedTransportOptions,
} from './testing/scripted-transport.js';
export {
  after,
  cut,
  end,
  exchange,
  expects,
  expectsEnd,
  mute,
  reply,
  run,
  stall,
  startTls,
  unstall,
  type Captures,
  type Expected,
  type Reply,
  type Script,
  type ScriptStep,
  type WireEvent,
} from './testing/script/steps.js';
export { ScriptError } from './testing/script/script-error.js';
export type { LinkFault } from './testing/memory/link-fault.js';
export { XmppServer, type ReceivedStanza, type SessionInfo } from './testing/server/xmpp-server.js';
export type { StreamManagementOptions, XmppServerOptions } from './testing/server/options.js';
export type { FaultPhase, ServerFault } from './testing/server/faults.js';
export type { ServerLogEntry } from './testing/server/server-log.js';
export type { ServerChannelBinding, ServerPipe } from './testing/server/server-pipe.js';
export type { PipeTls, StreamFailure } from './testing/server/server-stream.js';
export type { ServerCrypto, ServerHash } from './testing/server/server-crypto.js';
export { memoryTransport, type MemoryLink, type MemoryTransport } from './testing/memory/memory-transport.js';
export { inMemoryServer, type InMemoryServer } from './testing/memory/in-memory-server.js';
export { seededRandom } from './testing/seeded-random.js';
export { SeededScheduler, type SeededParty } from './testing/seeded-scheduler.js';
export {
  provideXmppTesting,
  type XmppTestingProvider,
  type XmppTestingScript,
} from './testing/angular/provide-xmpp-testing.js';
export { XmppTesting } from './testing/angular/xmpp-testing.js';
export { assertMarbles } from './testing/marbles/assert-marbles.js';
export { like } from './testing/marbles/like.js';
export { stanzas, statuses, type StatusMarble } from './testing/marbles/values.js';
export { testSession, type TestSession, type TestSessionScript } from './testing/marbles/test-session.js';
export { xmlMatchers, type MatcherResult } from './testing/marbles/xml-matchers.js';
export {
  simulatedNetwork,
  type NetworkHost,
  type SimulatedNetwork,
  type SimulatedNetworkOptions,
} from './testing/network/simulated-network.js';
export { zoneResolver, type Zone, type ZoneFault, type ZoneResolverOptions } from './testing/network/zone-resolver.js';
