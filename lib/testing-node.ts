export {
  startServer,
  startServerAsync,
  type RunningServer,
  type StartServerOptions,
} from './testing/node/start-server.js';
export type { PemIdentity } from './testing/node/x509.js';
